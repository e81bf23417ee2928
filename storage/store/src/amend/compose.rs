//! A plan as transfers: as many as it needs, each within the limits.

use super::minutes::{Latest, Minutes, PARTS_MAX};
use super::{AmendError, Ending, Goal, Plan, Step};
use crate::derive;
use crate::guild::{self, Guild};
use crate::letter::Letter;
use model::calls::bank::PARCEL_ITEMS_MAX;
use model::calls::database::Failure;
use model::guild::{LEADER, Place};
use model::id::{AccountId, CharacterId, OperationId, ParcelId};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{
    FENCES_MAX, Fence, ItemLocation, MOVES_MAX, Move, RECORD_CHANGES_MAX, Record, RecordChange, RecordKey,
    Standing, Transfer,
};
use std::collections::BTreeMap;

/// Records of each part besides those of its steps: that of all amendments and that of the target.
const OWN_RECORDS: usize = 2;

/// How the transfers of a plan are signed.
pub(super) struct Form<'a> {
    /// What is taken back; the transfers are its parts.
    pub(super) of: OperationId,
    /// Who does it: no two runs have the same number.
    pub(super) run: u128,
    /// Another one for each composition in a run. A refusal is stored under the id of what was refused, so that id is
    /// never used again.
    pub(super) attempt: u32,
    /// As read before the plan.
    pub(super) minutes: &'a Minutes,
    /// Parts of the plan that are done; the others are made.
    pub(super) done: &'a [OperationId],
    pub(super) operator: &'a str,
    pub(super) reason: &'a str,
    pub(super) now_ms: i64,
    /// All characters of the plan.
    pub(super) fences: &'a BTreeMap<CharacterId, Fence>,
}

/// One transfer of a plan, and what is remembered of it.
pub(super) struct Part {
    pub(super) transfer: Transfer,
    pub(super) latest: Latest,
}

/// The parts of a plan that are not done yet, in their order.
pub(super) fn parts(plan: &Plan, form: &Form<'_>) -> Result<Vec<Part>, AmendError> {
    let mut composer = Composer {
        form,
        drafts: Vec::new(),
        now: Draft::default(),
        left: plan.records.iter().map(|(key, held)| (*key, (held.items.len(), held.gold))).collect(),
        plan,
    };
    for ending in &plan.endings {
        composer.end(ending)?;
    }
    for step in &plan.steps {
        composer.add(step)?;
    }
    composer.close();
    let drafts = composer.drafts;
    let (old, count) = (plan.parts.operations.len(), drafts.len());
    if old + count > PARTS_MAX {
        return Err(AmendError::No(format!(
            "it takes {count} transfers after {old} that were done for it before, at most {PARTS_MAX} in all: name less"
        )));
    }
    let mut operations = form.done.to_vec();
    let mut parts = Vec::new();
    for (number, draft) in drafts.into_iter().enumerate().skip(form.done.len()) {
        operations.push(form.operation(number));
        parts.push(form.sign(plan, draft, &operations, number + 1 < count)?);
    }
    Ok(parts)
}

impl Form<'_> {
    fn operation(&self, number: usize) -> OperationId {
        let (run, attempt, number) = (self.run.to_le_bytes(), self.attempt.to_le_bytes(), number as u64);
        derive::operation("amend", &[&self.of.0.to_le_bytes(), &run, &attempt, &number.to_le_bytes()])
    }

    /// `operations`: of the plan, up to this one.
    fn sign(
        &self,
        plan: &Plan,
        draft: Draft,
        operations: &[OperationId],
        more: bool,
    ) -> Result<Part, Failure> {
        let (number, operation) = match operations {
            [before @ .., last] => (before.len(), *last),
            [] => return Err(Failure::Corrupt("a part without an operation".to_owned())),
        };
        let Draft { moves, fences, mut records, standings, .. } = draft;
        let latest = Latest::new(operation, self.run, &moves, more, self.now_ms);
        records.push(self.minutes.put(number, &latest)?);
        records.push(plan.parts.put(self.of, operations)?);
        let transfer = Transfer {
            operation,
            actor: Actor::Operator(self.operator.to_owned()),
            reason: self.reason.to_owned(),
            fences: fences.into_values().collect(),
            moves,
            records,
            softs: Vec::new(),
            standings,
        };
        Ok(Part { transfer, latest })
    }
}

#[derive(Default)]
struct Draft {
    moves: Vec<Move>,
    fences: BTreeMap<CharacterId, Fence>,
    records: Vec<RecordChange>,
    /// Of guilds that end, one each.
    standings: Vec<Standing>,
    /// New parcels, with the items in the last one of each account.
    parcels: BTreeMap<AccountId, (u32, usize)>,
}

struct Composer<'a> {
    form: &'a Form<'a>,
    drafts: Vec<Draft>,
    now: Draft,
    /// What is left in the records from which something is taken.
    left: BTreeMap<RecordKey, (usize, i64)>,
    plan: &'a Plan,
}

impl Composer<'_> {
    /// A guild ends as by its leader: its record stays, so that its number is not given again.
    fn end(&mut self, ending: &Ending) -> Result<(), Failure> {
        let Ending { guild: id, name: (name, named), leader: (leader, enrolled), account, .. } = ending;
        if self.now.fences.len() >= FENCES_MAX
            || self.now.records.len() + 3 > RECORD_CHANGES_MAX - OWN_RECORDS
        {
            self.close();
        }
        if let Some(fence) = self.form.fences.get(leader) {
            self.now.fences.insert(*leader, *fence);
        }
        let body = Guild { members: 0, ended_ms: Some(self.form.now_ms), ..ending.body.clone() };
        let number = name.number();
        self.now.records.extend([
            RecordChange::Put { record: guild::guild_record(*id, &body)?, expected: ending.version },
            RecordChange::Remove {
                key: RecordKey::GuildMember(*leader),
                home: id.home(),
                expected: *enrolled,
            },
            RecordChange::Remove { key: RecordKey::GuildName(number), home: number.home(), expected: *named },
        ]);
        self.now.standings.push(Standing {
            account: *account,
            character: *leader,
            before: Place { guild: *id, rank: LEADER },
            after: Place::NONE,
        });
        Ok(())
    }

    fn add(&mut self, step: &Step) -> Result<(), Failure> {
        let new: Vec<Fence> = step
            .characters()
            .iter()
            .filter_map(|(character, _)| self.form.fences.get(character).copied())
            .filter(|fence| !self.now.fences.contains_key(&fence.character))
            .collect();
        if self.now.moves.len() >= MOVES_MAX
            || self.now.fences.len() + new.len() > FENCES_MAX
            || self.now.records.len() + 2 > RECORD_CHANGES_MAX - OWN_RECORDS
        {
            self.close();
        }
        for (character, _) in step.characters() {
            if let Some(fence) = self.form.fences.get(&character) {
                self.now.fences.insert(character, *fence);
            }
        }
        let planned = match step {
            Step::Bring { item, from, goal, effects } => {
                let to = self.place(goal)?;
                Move::Item { item: *item, from: *from, to, effects: *effects }
            }
            Step::End { item, from } => Move::Death { item: *item, from: *from },
            Step::Make { item, goal, .. } => Move::Birth { item: *item, to: self.place(goal)? },
            Step::Pay { amount, from, to } => {
                Move::Gold { amount: *amount, from: from.clone(), to: to.clone() }
            }
        };
        self.now.moves.push(planned);
        self.take(step);
        Ok(())
    }

    /// A record of which the last thing is taken ends.
    fn take(&mut self, step: &Step) {
        let (key, items, gold) = match step {
            Step::Bring { from, .. } | Step::End { from, .. } => match from.place {
                ItemPlace::Parcel(id, _) => (RecordKey::Parcel(id), 1, 0),
                ItemPlace::Ground(id) => (RecordKey::Ground(id), 1, 0),
                _ => return,
            },
            Step::Pay { amount, from, .. } => match from.account {
                GoldAccount::Parcel(id) => (RecordKey::Parcel(id), 0, *amount),
                _ => return,
            },
            Step::Make { .. } => return,
        };
        let Some(left) = self.left.get_mut(&key) else { return };
        *left = (left.0.saturating_sub(items), left.1.saturating_sub(gold));
        if *left == (0, 0)
            && let Some(held) = self.plan.records.get(&key)
        {
            let (home, expected) = (held.record.home, held.record.version);
            self.now.records.push(RecordChange::Remove { key, home, expected });
        }
    }

    fn place(&mut self, goal: &Goal) -> Result<ItemLocation, Failure> {
        let account = match goal {
            Goal::At(at) => return Ok(*at),
            Goal::Parcel(account) => *account,
        };
        let (number, items) = match self.now.parcels.get(&account) {
            Some((number, items)) if *items < PARCEL_ITEMS_MAX => (*number, *items),
            Some((number, _)) => (number + 1, 0),
            None => (0, 0),
        };
        let parcel = self.parcel(account, number);
        if items == 0 {
            let record = self.record(parcel, account)?;
            self.now.records.push(RecordChange::Put { record, expected: 0 });
        }
        self.now.parcels.insert(account, (number, items + 1));
        Ok(ItemLocation { home: account, place: ItemPlace::Parcel(parcel, items as u8) })
    }

    /// A plan whose parts were done raised the version, so the next one has other parcels.
    fn parcel(&self, account: AccountId, number: u32) -> ParcelId {
        let Form { of, run, minutes, .. } = self.form;
        let (version, part) = (minutes.version.to_le_bytes(), (self.drafts.len() as u64).to_le_bytes());
        let to = [&account.0.to_le_bytes()[..], &number.to_le_bytes()];
        let parts = [&of.0.to_le_bytes()[..], &run.to_le_bytes(), &version, &part, to[0], to[1]];
        derive::parcel(derive::operation("amend-parcel", &parts))
    }

    /// A parcel that waits for ever and goes back to nobody.
    fn record(&self, parcel: ParcelId, account: AccountId) -> Result<Record, Failure> {
        let letter = Letter {
            from: account,
            sender: self.form.operator.to_owned(),
            to: String::new(),
            text: self.form.reason.to_owned(),
            sent_ms: self.form.now_ms,
            returned: false,
        };
        let (key, scope, body) = (RecordKey::Parcel(parcel), account.0, letter.encode()?);
        Ok(Record { key, home: account, version: 0, scope, until_ms: i64::MAX, body })
    }

    fn close(&mut self) {
        let draft = std::mem::take(&mut self.now);
        if !draft.moves.is_empty() || !draft.standings.is_empty() {
            self.drafts.push(draft);
        }
    }
}
