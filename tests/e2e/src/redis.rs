//! Redis of the test's own, as in the tests of the crates.

pub use support::{RedisSentinels, RedisServer};
