//! The rules of the game as pure functions: what an item is worth, what a character's numbers are, what a
//! level costs.
//!
//! This crate knows neither time nor randomness nor files: whoever needs a roll hands the rolled number in.
//! Its main function is [`score::derive`]. Every formula names its source; all arithmetic saturates, because
//! content files of operators hold extreme numbers.

pub mod ability;
pub mod bag;
pub mod class;
pub mod effect;
pub mod item;
pub mod level;
pub mod mount;
pub mod price;
pub mod refine;
pub mod score;
pub mod skill;
pub mod stack;
pub mod wear;

pub use item::{ItemDef, ItemTable, Requirements};
pub use score::{Derived, derive};
pub use skill::{SkillDef, SkillTable};
