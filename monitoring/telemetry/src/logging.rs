//! The tracing subscriber of a process.
//!
//! The first process of the program gets the global subscriber. Others beside it (tests run several) get
//! one of their own, which their tasks carry along; once the first has stopped, the next takes its place.

use crate::layer::{Shipping, Sink, Slot};
use crate::stdout::{self, Stdout};
use crate::{StartError, tasks};
use parking_lot::Mutex;
use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Once};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

type Filter = reload::Layer<EnvFilter, Registry>;
type Handle = reload::Handle<EnvFilter, Registry>;
type Printing = Box<dyn Layer<Layered<Filter, Registry>> + Send + Sync>;

#[derive(Clone)]
struct Subscription {
    slot: Slot,
    filter: Handle,
}

/// The global subscriber, and whether a process uses it now.
static GLOBAL: Mutex<Option<(Subscription, bool)>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// What a process holds of its logging; dropping it stops the shipping of its records.
pub(crate) struct Logging {
    subscription: Subscription,
    /// Its own subscriber, when it is not the global one.
    pub(crate) dispatch: Option<Dispatch>,
}

impl Logging {
    /// Logs to the standard output, and to the sink if there is one.
    pub(crate) fn install(filter: EnvFilter, sink: Option<Sink>) -> Self {
        HOOK.call_once(hook);
        let logging = Self::subscribe(filter);
        logging.subscription.slot.store(sink.map(Arc::new));
        logging
    }

    fn subscribe(filter: EnvFilter) -> Self {
        let mut global = GLOBAL.lock();
        if let Some((subscription, used)) = global.as_mut() {
            if !*used {
                *used = true;
                let subscription = subscription.clone();
                if let Err(error) = subscription.filter.reload(filter) {
                    tracing::error!("the log filter cannot be set: {error}");
                }
                return Self { subscription, dispatch: None };
            }
            let (subscriber, subscription) = build(filter);
            return Self { subscription, dispatch: Some(Dispatch::new(subscriber)) };
        }
        let (subscriber, subscription) = build(filter);
        let dispatch = Dispatch::new(subscriber);
        if tracing::dispatcher::set_global_default(dispatch.clone()).is_ok() {
            *global = Some((subscription.clone(), true));
            return Self { subscription, dispatch: None };
        }
        Self { subscription, dispatch: Some(dispatch) }
    }

    /// Changes what is logged from here on.
    pub(crate) fn set_filter(&self, filter: EnvFilter) {
        if let Err(error) = self.subscription.filter.reload(filter) {
            tracing::error!("the log filter cannot be set: {error}");
        }
    }

    /// Ends shipping; its queue closes behind the last record.
    pub(crate) fn close(&self) {
        self.subscription.slot.store(None);
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.close();
        if self.dispatch.is_none()
            && let Some((_, used)) = GLOBAL.lock().as_mut()
        {
            *used = false;
        }
    }
}

/// A filter like `info,link=debug`.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, StartError> {
    EnvFilter::try_new(level)
        .map_err(|error| StartError::LogLevel { found: level.to_owned(), why: error.to_string() })
}

fn build(filter: EnvFilter) -> (impl Subscriber + Send + Sync, Subscription) {
    let (filter, handle) = reload::Layer::new(filter);
    let printing: Printing = if std::io::stdout().is_terminal() {
        Box::new(tracing_subscriber::fmt::layer().with_writer(Stdout))
    } else {
        Box::new(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(Stdout))
    };
    let slot = Slot::default();
    let shipping = Shipping { slot: Arc::clone(&slot) };
    let subscriber = tracing_subscriber::registry().with(filter).with(printing).with(shipping);
    (subscriber, Subscription { slot, filter: handle })
}

/// Panics are events too; what was there before still prints them, for the case that logging is what broke.
fn hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        tracing::error!(target: "panic", location, thread, "{}", tasks::what(panic.payload()));
        stdout::flush();
        before(panic);
    }));
}
