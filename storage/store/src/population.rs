//! What both stores have in common about the creatures of zones: bounds, ages, and when something is forgotten.

use crate::codec::{POPULATION_VERSION, decode_population, encode_population};
use crate::rows::Fields;
use model::calls::database::Failure;
use model::calls::population::{HeldPopulations, KeepPopulation};
use model::population::AgedPopulation;

/// The longest body that is kept; a zone with all the creatures that it may have takes half of it.
pub(crate) const BODY_MAX: usize = 2 << 20;
/// Bodies of one answer: a call has at most 4 MiB.
pub(crate) const ANSWER_MAX: usize = 1 << 20;
/// What has not been kept anew for so long is forgotten: by then all generators act anew anyhow.
pub(crate) const KEPT_MS: i64 = 30 * 86_400_000;
/// The same of instances, whose numbers do not come again.
pub(crate) const INSTANCE_KEPT_MS: i64 = 3_600_000;
/// Instances have numbers from here.
pub(crate) const FIRST_INSTANCE: i64 = placement::FIRST_INSTANCE as i64;

/// Version and bytes of what is to be kept.
pub(crate) fn body(request: &KeepPopulation) -> Result<(i64, Vec<u8>), Failure> {
    let body = encode_population(&request.population)?;
    if body.len() > BODY_MAX {
        let (zone, length) = (request.population.zone, body.len());
        return Err(Failure::Corrupt(format!(
            "the creatures of zone {} take {length} bytes, at most {BODY_MAX} are kept",
            zone.0
        )));
    }
    Ok((POPULATION_VERSION, body))
}

/// One that is kept: version, bytes, and how old it is.
pub(crate) type Row = (i64, Vec<u8>, i64);

/// Columns: version, body, age.
pub(crate) fn row(row: &impl Fields) -> Result<Row, Failure> {
    Ok((row.int(0)?, row.bytes(1)?, row.int(2)?))
}

/// An answer that fills up.
#[derive(Default)]
pub(crate) struct Answer {
    held: HeldPopulations,
    size: usize,
}

impl Answer {
    /// True while there is room for the rows of one more zone of the content.
    pub(crate) fn has_room(&self) -> bool {
        self.size < ANSWER_MAX
    }

    /// Takes the rows of a zone of the content in.
    pub(crate) fn take_in(&mut self, rows: Vec<Row>) {
        for (version, body, age_ms) in rows {
            self.size += body.len();
            // what another program wrote is no reason not to play
            if let Ok(population) = decode_population(version, &body) {
                let age_ms = u64::try_from(age_ms).unwrap_or(0);
                self.held.found.push(AgedPopulation { age_ms, population });
            }
        }
    }

    /// There was no room for it.
    pub(crate) fn leave_out(&mut self, scope: u64) {
        self.held.unread.push(scope);
    }

    /// The answer.
    pub(crate) fn held(self) -> HeldPopulations {
        self.held
    }
}
