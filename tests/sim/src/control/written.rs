//! What a session writes to the store: its state behind and at last, and its jobs.

use super::lodger::{Body, Lodger, Note};
use super::node::Node;
use super::talk::Event;
use crate::held;
use model::SoftState;
use model::calls::database::{SaveCharacter, SaveCharacters, SaveOutcome, Transfer, TransferRefusal};
use model::calls::sibling::Journalled;
use model::character::SoftMark;
use model::id::OperationId;
use model::ledger::{Actor, GoldAccount};
use model::transfer::{Fence, GoldLocation, Move};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often and how long what must be written is tried.
const TRIES: u32 = 40;
const SOON: Duration = Duration::from_millis(250);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What came of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The store has it.
    Written,
    /// Somebody else has the character.
    Stale,
    /// The store did not answer; it may or may not be written.
    Unavailable,
}

impl Lodger {
    /// A job of its player: repeated until the store says what came of it.
    pub async fn earns(self: Rc<Self>, node: Rc<Node>, number: u64) {
        let _writing = self.writing.lock().await;
        if self.parting.get() {
            return;
        }
        let (account, character) = (self.account, self.character);
        let gold = |account_of| GoldLocation { home: account, account: account_of };
        let transfer = Transfer {
            operation: OperationId((u128::from(self.id.0) << 64) | u128::from(number)),
            actor: Actor::Player(account),
            reason: "sim".to_owned(),
            fences: vec![Fence { account, character, epoch: self.epoch.get() }],
            moves: vec![Move::Gold {
                amount: 1,
                from: gold(GoldAccount::Mint("sim".to_owned())),
                to: gold(GoldAccount::Character(character)),
            }],
            records: Vec::new(),
            softs: Vec::new(),
            standings: Vec::new(),
        };
        let (mut pause, mut left) = (PAUSE_MIN, TRIES);
        loop {
            match node.store.transfer(transfer.clone()).await {
                Ok(Ok(transferred)) => {
                    let balance = transferred.balance(&GoldAccount::Character(character));
                    return node.tells(&self, Event::Gold(number, balance.unwrap_or_default()));
                }
                Ok(Err(TransferRefusal::Stale(_))) => return self.note(Note::Fenced),
                Ok(Err(refusal)) => {
                    return held(&node.board).finds(format!("a piece of gold was refused: {refusal}"));
                }
                Err(_) => {
                    left -= u32::from(self.leaving.get() || node.closing.is_cancelled());
                    if left == 0 {
                        return self.note(Note::Fenced);
                    }
                    sleep(pause).await;
                    pause = (2 * pause).min(PAUSE_MAX);
                }
            }
        }
    }

    /// The state that it is in now, to be written behind, if the store does not have it.
    pub fn state_behind(&self) -> Option<SaveCharacter> {
        let body = (*self.body.borrow())?;
        self.for_store.replace(false).then(|| self.save(&body, false))
    }

    /// The state that it is in now, for the journal, if the buddy does not have it.
    pub fn state_for_buddy(&self) -> Option<Journalled> {
        let body = (*self.body.borrow())?;
        let SaveCharacter { character, epoch, number, soft, .. } =
            self.for_buddy.replace(false).then(|| self.save(&body, false))?;
        Some(Journalled { character, mark: SoftMark { epoch, number }, soft })
    }

    fn save(&self, body: &Body, release: bool) -> SaveCharacter {
        // nothing is counted before it is let in: it is given back as it was loaded
        let number = self.states.get();
        self.states.set(number + u64::from(number > 0));
        let soft = SoftState::fresh(body.tile, 0, 1, body.gestures);
        SaveCharacter {
            account: self.account,
            character: self.character,
            epoch: self.epoch.get(),
            number,
            soft,
            release,
        }
    }

    /// Saves a state and gives the character up, with one try; in the journal when the store does not answer at once.
    pub async fn save_and_release(&self, node: &Node, body: &Body) -> Saved {
        let save = self.save(body, true);
        let SaveCharacter { character, epoch, number, soft, .. } = save.clone();
        let saving = self.gives_up(node, save);
        tokio::pin!(saving);
        if let Ok(saved) = timeout(SOON, &mut saving).await {
            return saved;
        }
        let state = Journalled { character, mark: SoftMark { epoch, number }, soft };
        let keeping = node.keeps_last(state);
        tokio::pin!(keeping);
        tokio::select! {
            biased; // the same bytes for the same seed
            saved = &mut saving => {
                if saved == Saved::Unavailable {
                    keeping.await;
                }
                saved
            }
            () = &mut keeping => saving.await,
        }
    }

    async fn gives_up(&self, node: &Node, save: SaveCharacter) -> Saved {
        let _writing = self.writing.lock().await;
        self.parting.set(true);
        let saves = vec![save];
        match node.store.save_characters(SaveCharacters { saves }).await.as_deref() {
            Ok([SaveOutcome::Saved]) => Saved::Written,
            Ok([SaveOutcome::Stale]) => Saved::Stale,
            _ => Saved::Unavailable,
        }
    }

    /// Saves and releases, as long as it takes.
    pub async fn release(&self, node: &Node, last: Option<Body>) -> Option<Saved> {
        self.leaving.set(true);
        self.zone.set(None);
        let last = last?;
        let mut pause = PAUSE_MIN;
        for _ in 0..TRIES {
            let saved = self.save_and_release(node, &last).await;
            if saved != Saved::Unavailable {
                return Some(saved);
            }
            sleep(pause).await;
            pause = (2 * pause).min(PAUSE_MAX);
        }
        Some(Saved::Unavailable)
    }
}
