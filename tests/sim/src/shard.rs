//! The host of one shard, and how a coordinator reaches it.
//!
//! A transaction belongs to its connection: when the connection breaks before it is prepared, it is undone, as a
//! database does.

use crate::held;
use crate::net::{self, Line, ask, failure, read, write};
use model::calls::database::{Cargo, Failure, HeldRecord};
use model::id::{AccountId, CharacterId, Epoch, LotId, OperationId};
use model::transfer::{Transfer, TransferRefusal};
use model::{Character, Item};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::testing::memory::{Begun, Disk, MemoryShard, Outcome, Said};
use store::testing::stage;
use store::two_phase::{Doubt, Participant, Site};
use tokio::time::{Instant, sleep, timeout};
use turmoil::net::TcpStream;

/// How long a transaction waits for a lock.
const LOCK_WAIT: Duration = Duration::from_millis(800);
/// A connection that says nothing for so long is closed, and its transaction undone: its other end may be dead.
const IDLE: Duration = Duration::from_secs(6);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(7);

/// Name of a shard's host.
pub fn host(shard: u16) -> String {
    format!("shard-{shard}")
}

/// What lies on its disk.
pub type SharedDisk = Arc<Mutex<Disk>>;

#[derive(Serialize, Deserialize)]
enum Question {
    Begin(Box<Transfer>),
    Prepare { gid: String, said: Vec<Said> },
    CommitAlone { said: Vec<Said> },
    Commit { gid: String },
    Rollback { gid: String },
    InDoubt,
    Stored(OperationId),
    Conclude(OperationId, TransferRefusal),
    Load(CharacterId),
    Cargo(AccountId),
    Carry(AccountId),
    Lot(LotId),
    Lots { after: u64 },
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Done,
    Begun(Begun),
    Outcome(Option<Outcome>),
    /// Names with how long they have been prepared.
    InDoubt(Vec<(String, i64)>),
    Loaded(Option<Loaded>),
    Cargo(Option<Cargo>),
    Carry(Vec<(CharacterId, Vec<(u8, Item)>)>),
    Lots(Vec<HeldRecord>),
    Failed(String),
}

/// A character as its node loads it: its epoch, its gold, what it carries.
pub type Loaded = (Epoch, i64, Vec<(u8, Item)>);

struct Host {
    disk: SharedDisk,
    shard: Mutex<MemoryShard>,
    number: Mutex<u64>,
}

/// Runs the host: a start after a crash finds the disk and nothing else.
pub async fn run(disk: SharedDisk, index: u16, shards: u16) -> turmoil::Result {
    let shard = Mutex::new(MemoryShard::new(index, shards));
    let host = Arc::new(Host { disk, shard, number: Mutex::new(0) });
    net::serve(move |stream: TcpStream| {
        let host = host.clone();
        async move {
            let number = {
                let mut number = held(&host.number);
                *number += 1;
                *number
            };
            let served = host.serve(number, stream).await;
            held(&host.shard).abandon(number);
            served
        }
    })
    .await
}

impl Host {
    async fn serve(&self, number: u64, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let question = timeout(IDLE, read(&mut stream)).await??;
            let answer = self.answer(number, question).await;
            write(&mut stream, &answer.unwrap_or_else(|failure| Answer::Failed(failure.to_string()))).await?;
        }
    }

    async fn answer(&self, number: u64, question: Question) -> Result<Answer, Failure> {
        let now = turmoil::elapsed().as_millis() as i64;
        Ok(match question {
            Question::Begin(transfer) => Answer::Begun(self.begin(number, &transfer).await?),
            Question::Prepare { gid, said } => {
                held(&self.shard).prepare(&mut held(&self.disk), number, &gid, (&said, now))?;
                Answer::Done
            }
            Question::CommitAlone { said } => {
                Answer::Outcome(Some(held(&self.shard).commit_alone(&mut held(&self.disk), number, &said)?))
            }
            Question::Commit { gid } => {
                held(&self.disk).commit(&gid);
                Answer::Done
            }
            Question::Rollback { gid } => {
                held(&self.shard).abandon(number);
                held(&self.disk).rollback(&gid);
                Answer::Done
            }
            Question::InDoubt => {
                let disk = held(&self.disk);
                Answer::InDoubt(disk.prepared().map(|(gid, at)| (gid.to_owned(), now - at)).collect())
            }
            Question::Stored(operation) => Answer::Outcome(held(&self.disk).stored(operation).cloned()),
            Question::Conclude(operation, refusal) => {
                Answer::Outcome(held(&self.shard).conclude(&mut held(&self.disk), operation, refusal))
            }
            Question::Load(character) => {
                let mut disk = held(&self.disk);
                let owned = held(&self.shard).load(&mut disk, character);
                let carry = disk.carry(character)?;
                Answer::Loaded(owned.map(|(epoch, gold)| (epoch, gold, carry)))
            }
            Question::Cargo(account) => Answer::Cargo(held(&self.disk).cargo(account)?),
            Question::Carry(account) => {
                let disk = held(&self.disk);
                let carry = |id| Ok((id, disk.carry(id)?));
                Answer::Carry(disk.characters_of(account).map(carry).collect::<Result<_, Failure>>()?)
            }
            Question::Lot(lot) => Answer::Lots(held(&self.disk).lot(lot)?.into_iter().collect()),
            Question::Lots { after } => Answer::Lots(held(&self.disk).lots(after)?),
        })
    }

    async fn begin(&self, number: u64, transfer: &Transfer) -> Result<Begun, Failure> {
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match held(&self.shard).begin(&held(&self.disk), number, transfer)? {
                Begun::Busy if Instant::now() < deadline => {}
                begun => return Ok(begun),
            }
            sleep(LOOK).await;
        }
    }
}

/// Why a part is not done.
#[derive(Debug)]
pub enum No {
    /// A rule says so.
    Refused(TransferRefusal),
    /// It was done before.
    Done(Outcome),
}

/// One shard's part of a transfer.
pub struct Part {
    shard: u16,
    transfer: Transfer,
    line: Option<Line>,
}

impl Part {
    /// Of that transfer.
    pub fn new(shard: u16, transfer: Transfer) -> Self {
        Self { shard, transfer, line: None }
    }

    async fn say(&mut self, question: &Question) -> Result<Answer, Failure> {
        let line = match &mut self.line {
            Some(line) => line,
            empty => empty.insert(Line::to(&host(self.shard)).await.map_err(failure)?),
        };
        let answer = line.ask(question).await;
        if answer.is_err() {
            self.line = None; // the host undoes what was begun on it
        }
        spoken(answer.map_err(failure)?)
    }

    /// Commits in one step, when no other shard takes part.
    pub async fn commit_alone(&mut self, said: Vec<Said>) -> Result<Outcome, Failure> {
        match self.say(&Question::CommitAlone { said }).await? {
            Answer::Outcome(Some(outcome)) => Ok(outcome),
            _ => Err(another()),
        }
    }
}

fn another() -> Failure {
    Failure::Corrupt("another answer".into())
}

fn spoken(answer: Answer) -> Result<Answer, Failure> {
    match answer {
        Answer::Failed(why) => Err(Failure::Unavailable(why)),
        answer => Ok(answer),
    }
}

impl Participant for Part {
    type Said = Said;
    type Refusal = No;

    fn shard(&self) -> u16 {
        self.shard
    }

    async fn execute(&mut self) -> Result<Result<Said, No>, Failure> {
        let question = Question::Begin(Box::new(self.transfer.clone()));
        match self.say(&question).await? {
            Answer::Begun(Begun::Ready(said)) => Ok(Ok(said)),
            Answer::Begun(Begun::Refused(refusal)) => Ok(Err(No::Refused(refusal))),
            Answer::Begun(Begun::Done(outcome)) => Ok(Err(No::Done(outcome))),
            Answer::Begun(Begun::Busy) => Err(Failure::Unavailable("locked".into())),
            _ => Err(another()),
        }
    }

    async fn prepare(&mut self, gid: &str, said: &[Said]) -> Result<(), Failure> {
        if self.line.is_none() {
            return Err(Failure::Unavailable("the connection of the transaction is gone".into()));
        }
        let question = Question::Prepare { gid: gid.to_owned(), said: said.to_vec() };
        self.say(&question).await.map(drop)
    }

    async fn commit(&mut self, gid: &str) -> Result<(), Failure> {
        self.say(&Question::Commit { gid: gid.to_owned() }).await.map(drop)
    }

    async fn rollback(&mut self, gid: &str) -> Result<(), Failure> {
        self.say(&Question::Rollback { gid: gid.to_owned() }).await.map(drop)
    }
}

/// A shard as a recoverer and a node see it.
#[derive(Clone, Copy)]
pub struct Remote(pub u16);

impl Remote {
    async fn say(self, question: &Question) -> Result<Answer, Failure> {
        spoken(ask(&host(self.0), question).await.map_err(failure)?)
    }

    /// The outcome of an operation that is at home there and was done.
    pub async fn stored(self, operation: OperationId) -> Result<Option<Outcome>, Failure> {
        match self.say(&Question::Stored(operation)).await? {
            Answer::Outcome(outcome) => Ok(outcome),
            _ => Err(another()),
        }
    }

    /// Ends an operation with a refusal unless it was done before.
    pub async fn conclude(
        self,
        operation: OperationId,
        refusal: TransferRefusal,
    ) -> Result<Outcome, Failure> {
        match self.say(&Question::Conclude(operation, refusal)).await? {
            Answer::Outcome(Some(outcome)) => Ok(outcome),
            Answer::Outcome(None) => Err(Failure::Unavailable("the operation is at work".into())),
            _ => Err(another()),
        }
    }

    /// What lies in the bank of an account.
    pub async fn cargo(self, account: AccountId) -> Result<Option<Cargo>, Failure> {
        match self.say(&Question::Cargo(account)).await? {
            Answer::Cargo(cargo) => Ok(cargo),
            _ => Err(another()),
        }
    }

    /// The characters of an account. Only what they carry is theirs, the rest is nobody's in particular.
    pub async fn characters(self, account: AccountId) -> Result<Vec<Character>, Failure> {
        let Answer::Carry(found) = self.say(&Question::Carry(account)).await? else { return Err(another()) };
        let character = |(id, carry): (CharacterId, Vec<(u8, Item)>)| {
            let mut character = stage::character(account, 0, "Somebody");
            (character.id, character.carry) = (id, Character::no_carry());
            for (slot, item) in carry {
                character.carry[usize::from(slot)] = Some(item);
            }
            character
        };
        Ok(found.into_iter().map(character).collect())
    }

    /// A lot with what is in it.
    pub async fn lot(self, lot: LotId) -> Result<Option<HeldRecord>, Failure> {
        match self.say(&Question::Lot(lot)).await? {
            Answer::Lots(found) => Ok(found.into_iter().next()),
            _ => Err(another()),
        }
    }

    /// Lots with a higher number than this.
    pub async fn lots(self, after: u64) -> Result<Vec<HeldRecord>, Failure> {
        match self.say(&Question::Lots { after }).await? {
            Answer::Lots(found) => Ok(found),
            _ => Err(another()),
        }
    }

    /// Takes ownership of a character.
    pub async fn load(self, character: CharacterId) -> Result<Loaded, Failure> {
        match self.say(&Question::Load(character)).await? {
            Answer::Loaded(Some(loaded)) => Ok(loaded),
            Answer::Loaded(None) => Err(Failure::Unavailable("the character is locked".into())),
            _ => Err(another()),
        }
    }
}

impl Site for Remote {
    fn shard(&self) -> u16 {
        self.0
    }

    async fn in_doubt(&self) -> Result<Vec<Doubt>, Failure> {
        let Answer::InDoubt(found) = self.say(&Question::InDoubt).await? else { return Err(another()) };
        let doubt = |(gid, age_ms): (String, i64)| {
            let (attempt, _) = store::two_phase::Attempt::of_gid(&gid)?;
            Some(Doubt { attempt, age_ms })
        };
        Ok(found.into_iter().filter_map(doubt).collect())
    }

    async fn commit(&self, gid: &str) -> Result<(), Failure> {
        self.say(&Question::Commit { gid: gid.to_owned() }).await.map(drop)
    }

    async fn rollback(&self, gid: &str) -> Result<(), Failure> {
        self.say(&Question::Rollback { gid: gid.to_owned() }).await.map(drop)
    }
}
