//! What tests need: the conformance suite that every store passes, and a PostgreSQL of one's own.
//!
//! Behind the feature `testing`, for the tests of this crate and of those that stand on it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod characters;
mod clerks;
mod escrow;
mod fencing;
mod friends;
mod guilds;
mod hold;
mod instances;
mod ledger;
mod membership;
pub mod memory;
mod pg_server;
mod populations;
mod progress;
mod restore;
pub mod stage;
mod transfer_dice;
mod transfers;
mod undo;
mod undo_guilds;
mod watched;

pub use crate::sqlite::InMemory;
pub use hold::{Hold, POINTS};
pub use pg_server::{PgServer, postgres_wanted};
pub use watched::Watched;

use crate::Store;
use std::sync::Arc;

macro_rules! tell {
    ($store:ident: $($chapter:ident::$story:ident,)*) => {
        $(
            eprintln!("story: {}", stringify!($story).replace('_', " "));
            $chapter::$story(&$store).await;
        )*
    };
}

/// Everything that a store promises, one story after the other. Uses names and ids of its own, so that it
/// can run again on the same store; it wants the slot table for itself.
///
/// # Panics
/// When a promise is broken.
pub async fn conformance(store: Arc<dyn Store>) {
    tell! { store:
        accounts::an_account_is_found_by_its_name_in_any_case,
        accounts::two_accounts_never_share_a_name,
        accounts::of_many_who_want_an_account_name_exactly_one_gets_it,
        accounts::creating_an_account_twice_is_creating_it_once,
        accounts::a_refusal_is_repeated_even_when_the_name_became_free,
        accounts::changes_of_an_account_stay,
        accounts::an_empty_bank_has_all_its_slots,
        accounts::an_operation_id_is_good_for_one_kind_of_operation,
        characters::a_character_comes_back_exactly,
        characters::the_largest_values_come_back_exactly,
        characters::characters_are_listed_by_slot,
        characters::two_characters_never_share_a_name,
        characters::of_many_who_want_a_character_name_exactly_one_gets_it,
        characters::a_refused_character_leaves_its_name_free,
        characters::creating_a_character_twice_is_creating_it_once,
        characters::deleting_a_character_frees_its_name_and_its_slot,
        characters::only_the_named_character_is_deleted,
        characters::of_many_who_delete_a_character_exactly_one_does,
        characters::a_late_repeat_does_not_bring_a_deleted_character_back,
        fencing::each_load_raises_the_epoch,
        fencing::a_former_owner_saves_nothing,
        fencing::a_batch_of_saves_is_answered_in_order,
        fencing::the_last_of_two_saves_in_a_batch_counts,
        fencing::saving_again_after_giving_up_is_harmless,
        fencing::of_two_states_of_an_owner_the_newer_stays,
        fencing::giving_up_needs_no_newer_state,
        fencing::giving_up_what_was_only_looked_at_hides_no_former_owner,
        fencing::a_deleted_character_is_neither_loaded_nor_saved,
        fencing::gold_changes_once_for_one_operation,
        fencing::gold_stays_within_its_bounds,
        fencing::a_former_owner_changes_no_gold_but_is_told_what_it_did,
        fencing::gold_changed_by_many_at_once_adds_up,
        progress::what_a_character_was_is_known_for_any_time,
        progress::a_former_owner_changes_no_progress,
        progress::a_change_of_progress_is_done_once,
        progress::nothing_is_known_of_a_deleted_character,
        transfers::an_item_moves_and_two_swap_their_places,
        transfers::a_stack_grows_by_what_ends,
        transfers::items_are_born_and_end,
        transfers::gold_goes_from_player_to_player,
        transfers::a_trade_is_all_or_nothing,
        transfers::a_former_owner_moves_nothing,
        transfers::a_frozen_player_moves_nothing,
        transfers::a_place_that_is_taken_stays_taken,
        transfers::an_item_that_is_not_as_it_was_seen_is_gone,
        transfers::an_unknown_owner_is_refused,
        transfers::each_purse_has_its_bounds,
        transfers::a_repeat_gets_the_first_outcome,
        transfers::the_id_of_a_transfer_is_good_for_nothing_else,
        transfers::soft_state_goes_with_a_transfer_or_not_at_all,
        transfers::a_late_state_goes_with_no_transfer_and_over_none,
        transfers::the_first_of_many_reasons_is_told,
        transfers::what_is_no_transfer_is_refused,
        transfers::many_transfers_at_once_add_up,
        escrow::a_lot_is_listed_bid_for_and_settled,
        escrow::a_parcel_waits_for_its_receiver,
        escrow::of_many_who_grab_one_gets_it,
        escrow::a_guild_keeps_items_and_gold,
        escrow::cash_never_meets_gold,
        escrow::a_record_changes_only_as_it_was_read,
        escrow::nothing_is_left_where_no_record_is,
        escrow::records_come_in_pages,
        escrow::the_life_of_an_item_goes_on_in_another_bucket,
        guilds::a_guild_is_founded_whole_or_not_at_all,
        guilds::guild_and_rank_are_made_sure_of_without_a_trace,
        guilds::others_change_the_place_of_who_is_away,
        guilds::what_a_character_becomes_leaves_its_guild_alone,
        guilds::of_many_who_want_a_name_of_a_guild_one_gets_it_and_pays,
        friends::a_friendship_is_written_on_both_sides_or_on_none,
        friends::who_is_deleted_is_nobodys_friend,
        transfer_dice::random_transfers_do_what_a_small_model_says,
        undo::an_undone_trade_is_as_if_it_never_was,
        undo::an_undo_is_undone_like_anything_else,
        undo::what_was_passed_on_comes_back_and_what_is_spent_is_left,
        undo::a_purchase_is_taken_back_whole_or_not_at_all,
        undo::what_has_no_room_waits_in_parcels,
        undo::all_of_a_player_since_a_moment_is_taken_back,
        undo_guilds::a_founding_is_taken_back_with_the_guild,
        undo_guilds::a_guild_that_is_more_than_its_founder_stays,
        undo_guilds::other_deeds_of_guilds_stay_with_what_they_cost,
        undo_guilds::a_restore_leaves_a_guild_and_what_it_cost,
        clerks::two_undos_at_once_of_the_same_pay_once,
        clerks::an_undo_that_ran_out_of_tries_is_done_when_asked_again,
        clerks::a_player_who_acts_between_two_parts_gets_all_the_same,
        clerks::another_undo_waits_until_all_parts_are_done,
        restore::a_character_is_as_it_was_and_nobody_else_notices,
        restore::a_character_is_restored_to_any_of_its_times,
        restore::a_time_of_which_nothing_is_known_is_refused,
        ledger::a_character_is_found_by_its_name_in_any_case,
        ledger::births_and_deaths_are_entries,
        ledger::gold_that_moves_is_an_entry_with_two_sides,
        ledger::what_is_refused_or_repeated_writes_no_entry,
        ledger::the_entries_of_a_player_come_in_pages,
        ledger::the_ledger_replays_to_the_present,
        ledger::nothing_is_wrong_in_the_whole_store,
        membership::a_member_is_seen_until_its_lease_ends,
        membership::a_newer_run_replaces_an_older_one,
        membership::one_process_at_a_time_is_the_controller,
        membership::the_slot_table_comes_back_exactly,
        membership::of_many_writers_of_the_slot_table_one_wins,
        populations::the_creatures_of_a_zone_and_of_its_parts_come_back_exactly,
        populations::who_had_a_zone_before_does_not_replace_what_is_kept_of_it,
        populations::what_does_not_fit_into_an_answer_is_named,
        membership::what_zones_cost_and_are_counted_as_is_kept,
        membership::the_operator_sees_leases_and_the_controller,
        membership::wishes_hold_until_they_are_undone_and_are_logged,
        instances::one_operation_opens_one_instance_whose_number_comes_once,
        instances::of_many_who_open_for_one_player_one_does,
        membership::of_many_who_drain_the_last_nodes_one_is_refused,
    }
}
