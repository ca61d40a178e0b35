//! The laws of `Bus`, each a function of any bus, so that every implementation is held to the same.
//!
//! A test file includes this module and says `contract!(open)`, where `open` is an async function that returns an
//! `Arc<dyn Bus>`. Topics and groups are named anew for each law, so all laws may share one cluster and run at once.
//! Nothing here sleeps: every wait is for an event, and gives up after `support::PATIENCE`.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

pub(crate) mod groups;
pub(crate) mod reading;
pub(crate) mod sending;
pub(crate) mod support;
pub(crate) mod topics;
pub(crate) mod transactions;

/// Makes a test of each law, named like it.
macro_rules! contract {
    ($open:ident) => {
        contract! { $open:
            topics::creating_a_topic_again_changes_nothing,
            topics::a_topic_is_never_created_with_another_number_of_partitions,
            topics::partitions_of_a_topic_that_does_not_exist_are_an_error,
            topics::a_span_grows_with_what_is_sent,
            sending::every_record_goes_to_the_partition_the_sender_named,
            sending::a_record_comes_back_exactly_as_it_was_sent,
            sending::headers_may_repeat_be_null_and_hold_any_bytes,
            sending::an_empty_payload_is_not_a_tombstone,
            sending::every_send_is_acknowledged_with_the_offset_where_it_lies,
            sending::a_drained_producer_has_nothing_in_flight,
            sending::a_record_over_the_limit_is_too_large_and_harms_nothing,
            sending::a_partition_that_does_not_exist_is_an_error,
            sending::append_times_never_step_back,
            reading::ten_thousand_records_arrive_in_order_each_once,
            reading::partitions_are_each_in_order,
            reading::a_waiting_reader_is_woken,
            reading::an_unhurried_reader_misses_nothing,
            reading::a_cancelled_next_loses_and_doubles_nothing,
            reading::nothing_is_delivered_before_start,
            reading::a_stopped_partition_delivers_nothing_more,
            reading::a_partition_started_again_jumps_there,
            reading::from_the_end_only_what_comes_later_is_delivered,
            reading::from_the_end_of_the_span_nothing_is_missed,
            reading::from_an_instant_the_first_record_of_it_comes_first,
            reading::an_instant_is_located_where_a_reader_of_it_begins,
            reading::from_an_instant_to_come_only_what_comes_later_is_delivered,
            reading::an_offset_that_is_not_held_stops_its_partition_only,
            groups::the_only_member_gets_every_partition,
            groups::two_members_share_the_partitions,
            groups::a_member_that_closes_leaves_its_partitions_to_the_others,
            groups::a_member_that_is_dropped_leaves_its_partitions_to_the_others,
            groups::more_members_than_partitions_are_idle_but_ready,
            groups::groups_do_not_share_with_each_other,
            groups::members_together_read_everything_once,
            groups::nothing_is_delivered_after_a_partition_is_revoked,
            groups::joining_is_cancel_safe,
            groups::nothing_is_committed_at_first,
            groups::a_commit_is_read_back_with_its_note,
            groups::closing_commits_what_it_is_given,
            groups::later_commits_overtake_earlier_ones,
            groups::a_note_may_have_four_thousand_bytes,
            groups::commits_of_one_partition_leave_the_others_alone,
            groups::a_commit_of_what_was_revoked_has_no_effect,
            groups::a_consumer_without_a_group_cannot_commit,
            groups::whoever_asks_is_told_where_a_group_stands,
            groups::groups_are_found_by_how_their_names_begin,
            groups::where_a_group_stands_in_a_topic_that_does_not_exist_is_an_error,
            transactions::what_a_transaction_writes_and_commits_is_there_together,
            transactions::transactions_in_a_row_keep_their_order_and_the_last_commit_counts,
            transactions::a_transaction_keeps_keys_headers_and_bytes,
            transactions::offsets_alone_are_committed_too,
            transactions::who_has_left_its_group_writes_and_commits_nothing,
            transactions::who_opens_an_id_fences_off_whoever_had_it,
            transactions::a_record_over_the_limit_spoils_its_transaction_only,
            transactions::what_is_sent_beside_transactions_is_read_among_them,
        }
    };
    ($open:ident: $($file:ident::$law:ident,)*) => {
        $(
            #[tokio::test]
            async fn $law() {
                laws::$file::$law(&*$open().await).await;
            }
        )*
    };
}
