//! Turns tracing events into records and puts them into a bounded queue.

use arc_swap::ArcSwapOption;
use model::calls::log::{Level, Record};
use prometheus::IntCounter;
use std::fmt::{Debug, Write};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

const MESSAGE_MAX: usize = 8 << 10;
const VALUE_MAX: usize = 4 << 10;
const FIELDS_BYTES_MAX: usize = 16 << 10;
const FIELDS_MAX: usize = 64;

/// Takes records without ever waiting.
pub(crate) struct Sink {
    pub(crate) queue: SyncSender<Record>,
    pub(crate) dropped: IntCounter,
}

/// Where records go at the moment.
pub(crate) type Slot = Arc<ArcSwapOption<Sink>>;

/// The layer. While its slot is empty it does nothing.
pub(crate) struct Shipping {
    pub(crate) slot: Slot,
}

impl<S> Layer<S> for Shipping
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut text = Text::default();
        attributes.record(&mut text);
        span.extensions_mut().replace(text);
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(text) = extensions.get_mut::<Text>() {
            values.record(text);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let slot = self.slot.load();
        let Some(sink) = slot.as_ref() else { return };
        let mut text = Text::default();
        event.record(&mut text);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Text>() {
                for (name, value) in &outer.fields {
                    text.push(name, value.clone());
                }
            }
        }
        let record = text.into_record(event.metadata());
        if sink.queue.try_send(record).is_err() {
            sink.dropped.inc();
        }
    }
}

/// The fields of an event or span as text, within bounds.
#[derive(Default)]
struct Text {
    message: String,
    fields: Vec<(String, String)>,
    bytes: usize,
}

impl Text {
    fn push(&mut self, name: &str, mut value: String) {
        cut(&mut value, VALUE_MAX);
        let bytes = name.len() + value.len();
        if self.fields.len() < FIELDS_MAX && self.bytes + bytes <= FIELDS_BYTES_MAX {
            self.bytes += bytes;
            self.fields.push((name.to_owned(), value));
        }
    }

    fn take(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
            cut(&mut self.message, MESSAGE_MAX);
        } else {
            self.push(field.name(), value);
        }
    }

    fn into_record(self, metadata: &Metadata<'_>) -> Record {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Record {
            sequence: 0,
            time_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
            level: level(*metadata.level()),
            target: metadata.target().to_owned(),
            message: self.message,
            fields: self.fields,
        }
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.take(field, text);
    }
}

/// Cuts at a character's border and marks the cut.
fn cut(text: &mut String, max: usize) {
    if text.len() > max {
        let mut end = max;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc::{Receiver, sync_channel};
    use tracing_subscriber::layer::SubscriberExt;

    fn heard(size: usize, say: impl FnOnce()) -> (Receiver<Record>, u64) {
        let (queue, records) = sync_channel(size);
        let dropped = IntCounter::new("dropped", "Dropped.").unwrap();
        let slot = Slot::new(ArcSwapOption::from_pointee(Sink { queue, dropped: dropped.clone() }));
        let subscriber = tracing_subscriber::registry().with(Shipping { slot });
        tracing::subscriber::with_default(subscriber, say);
        (records, dropped.get())
    }

    #[test]
    fn an_event_becomes_a_record_with_the_fields_of_its_spans() {
        let (records, _) = heard(8, || {
            let span = tracing::info_span!("session", session = 7, player = tracing::field::Empty);
            span.record("player", "ana");
            let _inside = span.enter();
            tracing::warn!(speed = 1.5, why = %"walked", "too {}", "fast");
        });
        let record = records.recv().unwrap();
        assert_eq!((record.level, record.message.as_str()), (Level::Warn, "too fast"));
        let fields = [("speed", "1.5"), ("why", "walked"), ("session", "7"), ("player", "ana")];
        assert_eq!(record.fields, fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(record.time_ms > 1_600_000_000_000);
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_never_waits() {
        let (records, dropped) = heard(3, || (0..10).for_each(|number| tracing::info!(number, "x")));
        assert_eq!((records.try_iter().count(), dropped), (3, 7));
    }

    #[test]
    fn long_texts_are_cut() {
        let (records, _) =
            heard(1, || tracing::info!(long = "é".repeat(VALUE_MAX), "{}", "x".repeat(99_999)));
        let record = records.recv().unwrap();
        assert!(record.message.len() < MESSAGE_MAX + 8 && record.message.ends_with('…'));
        assert!(record.fields[0].1.len() < VALUE_MAX + 8);
    }
}
