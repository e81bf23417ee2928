//! The lines about friends, in English and in Portuguese.

use model::friend::FriendLine;

/// In both languages, with `{0}` and `{1}` still in it.
pub(super) fn both(line: FriendLine) -> (&'static str, &'static str) {
    match line {
        FriendLine::Usage => (
            "/friend list [PAGE], add NAME, accept [NAME], refuse [NAME], remove NAME, requests",
            "/amigo lista [PAGINA], adicionar NOME, aceitar [NOME], recusar [NOME], remover NOME, pedidos",
        ),
        FriendLine::Oneself => ("That is yourself.", "Esse é você mesmo."),
        FriendLine::Asked => ("You asked {0} to be your friend.", "Você pediu a amizade de {0}."),
        FriendLine::AskedAlready => (
            "You asked {0} before; there is no answer yet.",
            "Você já pediu a amizade de {0}; falta a resposta.",
        ),
        FriendLine::AskedBy => (
            "{0} asks to be your friend: /friend accept or refuse",
            "{0} quer ser seu amigo: /amigo aceitar ou recusar",
        ),
        FriendLine::Friends => ("{0} is your friend now.", "{0} agora é seu amigo."),
        FriendLine::Already => ("{0} is your friend.", "{0} é seu amigo."),
        FriendLine::NotAsked => ("{0} did not ask to be your friend.", "{0} não pediu sua amizade."),
        FriendLine::NobodyAsks => ("Nobody asks to be your friend.", "Ninguém pediu sua amizade."),
        FriendLine::Refused => ("You refused the request of {0}.", "Você recusou o pedido de {0}."),
        FriendLine::Removed => ("{0} is your friend no more.", "{0} não é mais seu amigo."),
        FriendLine::Withdrawn => {
            ("You took your request to {0} back.", "Você retirou seu pedido de amizade a {0}.")
        }
        FriendLine::NotFriend => ("{0} is not your friend.", "{0} não é seu amigo."),
        FriendLine::Full => {
            ("You have {0} friends; there is no room for more.", "Você já tem {0} amigos; não cabem mais.")
        }
        FriendLine::OtherFull => ("{0} has no room for more friends.", "{0} não tem lugar para mais amigos."),
        FriendLine::TooManyAsked => (
            "{0} of your requests are open: take one back with /friend remove NAME",
            "Você tem {0} pedidos em aberto: retire um com /amigo remover NOME",
        ),
        FriendLine::OtherTooManyAsked => {
            ("Too many requests wait for {0} already.", "{0} já tem pedidos de amizade demais.")
        }
        FriendLine::Came => ("{0} is in the world now.", "{0} entrou no mundo."),
        FriendLine::Left => ("{0} left the world.", "{0} saiu do mundo."),
        FriendLine::Here => ("Friends in the world: {0}", "Amigos no mundo: {0}"),
        FriendLine::Waiting => {
            ("Requests to be your friend: {0} - /friend requests", "Pedidos de amizade: {0} - /amigo pedidos")
        }
        FriendLine::RowPlays => ("{0} - level {1}, plays", "{0} - nível {1}, jogando"),
        FriendLine::RowAway => ("{0} - seen {1} ago", "{0} - visto há {1}"),
        FriendLine::Sum => {
            ("Friends: {1} of {0} play, page {2} of {3}", "Amigos: {1} de {0} jogam, página {2} de {3}")
        }
        FriendLine::Asking => ("They ask you: {0}", "Pediram sua amizade: {0}"),
        FriendLine::AskedThese => ("You asked: {0}", "Você pediu a: {0}"),
    }
}
