//! The lines about guilds, in English and in Portuguese.

use model::guild::GuildLine;

/// In both languages, with `{0}` and `{1}` still in it.
pub(super) fn both(line: GuildLine) -> (&'static str, &'static str) {
    match line {
        GuildLine::Usage => (
            "/guild list|create|invite|accept|refuse|leave|expel|rank|leader|disband yes",
            "/guilda lista|criar|convidar|aceitar|recusar|sair|expulsar|posto|lider|dissolver sim",
        ),
        GuildLine::Founded => ("The guild {0} is founded.", "A guild {0} foi fundada."),
        GuildLine::BadName => (
            "The name of a guild has 3 to 12 letters and digits.",
            "O nome da guild tem de 3 a 12 letras sem acento e números.",
        ),
        GuildLine::NameTaken => ("Another guild has this name.", "Outra guild já tem este nome."),
        GuildLine::NoNumberLeft => ("No more guilds can be founded.", "Não é possível fundar mais guilds."),
        GuildLine::KingdomNeeded => {
            ("Only who is of a kingdom founds a guild.", "Só quem é de um reino funda uma guild.")
        }
        GuildLine::CostMissing => ("This costs {0} gold.", "Isto custa {0} de gold."),
        GuildLine::InOne => ("You are in a guild already.", "Você já está em uma guild."),
        GuildLine::OtherInOne => ("This player is in a guild already.", "Este jogador já está em uma guild."),
        GuildLine::OtherKingdom => ("This player is of another kingdom.", "Este jogador é de outro reino."),
        GuildLine::Oneself => ("You cannot do that to yourself.", "Você não pode fazer isso consigo mesmo."),
        GuildLine::Asked => ("{0} was asked to join.", "{0} foi convidado."),
        GuildLine::Invited => (
            "{0} asks you to join {1}: /guild accept or refuse",
            "{0} convida você para {1}: /guilda aceitar ou recusar",
        ),
        GuildLine::NotAsked => ("Nobody asked you to join a guild.", "Ninguém convidou você para uma guild."),
        GuildLine::Accepted => {
            ("One moment: you are being taken in.", "Um momento: sua entrada está em andamento.")
        }
        GuildLine::Refused => ("You do not join.", "Você recusou o convite."),
        GuildLine::RefusedBy => ("{0} does not want to join.", "{0} recusou o convite."),
        GuildLine::Full => ("The guild is full.", "A guild está cheia."),
        GuildLine::Joined => ("{0} joined the guild.", "{0} entrou na guild."),
        GuildLine::Left => ("You left the guild.", "Você saiu da guild."),
        GuildLine::LeftBy => ("{0} left the guild.", "{0} saiu da guild."),
        GuildLine::LeaderStays => (
            "The leader hands over first: /guild leader NAME",
            "O líder passa a liderança antes: /guilda lider NOME",
        ),
        GuildLine::Expelled => ("{0} was sent away from the guild.", "{0} foi expulso da guild."),
        GuildLine::Ranked => ("{0} has rank {1} now.", "{0} agora tem o posto {1}."),
        GuildLine::BadRank => ("The ranks are 0, and 3 to 8.", "Os postos são 0 e de 3 a 8."),
        GuildLine::RankHeld => ("Another member has this rank.", "Outro membro já tem este posto."),
        GuildLine::Leads => ("{0} leads the guild now.", "{0} agora lidera a guild."),
        GuildLine::Disbanded => ("The guild is no more.", "A guild foi dissolvida."),
        GuildLine::BankNotEmpty => ("First empty the bank of the guild.", "Esvazie antes o banco da guild."),
        GuildLine::NoSuchMember => ("{0} is not in your guild.", "{0} não está na sua guild."),
        GuildLine::RosterPlays => ("{0} - rank {1}, level {2}, plays", "{0} - posto {1}, nível {2}, jogando"),
        GuildLine::RosterAway => {
            ("{0} - rank {1}, level {2}, seen {3} ago", "{0} - posto {1}, nível {2}, visto há {3}")
        }
        GuildLine::RosterSum => {
            ("{0}: {1} of {2} play, page {3} of {4}", "{0}: {1} de {2} jogam, página {3} de {4}")
        }
    }
}
