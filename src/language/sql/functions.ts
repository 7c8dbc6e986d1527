/**
 * Built-in functions that do more than compute, whatever their declared volatility: one row per effect.
 *
 * Invariant: every volatile built-in function of PostgreSQL 12 to 18 is either here or in `harmlessFunctions`; a test
 * compares both with a real server's catalog. One that is in neither counts as unknown.
 *
 * Functions of the extensions that ship with PostgreSQL are listed too, by bare name; being not built in, they stay
 * unread besides.
 */
import type { SqlEffect } from '../../core/sql-effects.ts';

const rows: readonly (readonly [effect: SqlEffect, names: string])[] = [
  ['sequence-change', 'nextval setval'],
  [
    'lock',
    `pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
     pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
     pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared`,
  ],
  [
    'large-object',
    `lo_close lo_creat lo_create lo_export lo_from_bytea lo_get lo_import lo_lseek lo_lseek64 lo_open lo_put lo_tell
     lo_tell64 lo_truncate lo_truncate64 lo_unlink loread lowrite lo_manage`,
  ],
  [
    'file-access',
    `lo_import lo_export pg_read_file pg_read_binary_file pg_read_file_old pg_stat_file pg_ls_dir pg_ls_logdir
     pg_ls_waldir pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir
     pg_ls_summariesdir pg_logdir_ls pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings
     pg_current_logfile pg_available_wal_summaries pg_wal_summary_contents pg_get_wal_summarizer_state
     pg_file_write pg_file_read pg_file_rename pg_file_unlink pg_file_sync pg_file_length`,
  ],
  [
    'foreign-access',
    `dblink dblink_connect dblink_connect_u dblink_disconnect dblink_exec dblink_open dblink_fetch dblink_close
     dblink_send_query dblink_get_result dblink_is_busy dblink_cancel_query dblink_build_sql_insert
     dblink_build_sql_update dblink_build_sql_delete postgres_fdw_disconnect postgres_fdw_disconnect_all`,
  ],
  ['notify', 'pg_notify'],
  [
    'session-change',
    'set_config setseed pg_export_snapshot pg_stat_clear_snapshot pg_stat_force_next_flush lo_open lo_close',
  ],
  ['transaction', 'pg_current_xact_id txid_current'],
  ['maintenance', 'brin_desummarize_range brin_summarize_new_values brin_summarize_range gin_clean_pending_list'],
  ['create', 'pg_import_system_collations'],
  ['alter', 'pg_extension_config_dump pg_nextoid pg_stop_making_pinned_objects'],
  [
    'server-control',
    `pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old pg_promote
     pg_wal_replay_pause pg_wal_replay_resume pg_switch_wal pg_create_restore_point pg_backup_start pg_backup_stop
     pg_start_backup pg_stop_backup pg_is_in_backup pg_backup_start_time pg_log_backend_memory_contexts
     pg_log_standby_snapshot pg_stat_reset pg_stat_reset_backend_stats pg_stat_reset_replication_slot
     pg_stat_reset_shared pg_stat_reset_single_function_counters pg_stat_reset_single_table_counters
     pg_stat_reset_slru pg_stat_reset_subscription_stats pg_clear_attribute_stats pg_clear_relation_stats
     pg_restore_attribute_stats pg_restore_relation_stats pg_stat_statements_reset pg_prewarm
     binary_upgrade_add_sub_rel_state binary_upgrade_create_empty_extension
     binary_upgrade_logical_slot_has_caught_up binary_upgrade_replorigin_advance binary_upgrade_set_missing_value
     binary_upgrade_set_next_array_pg_type_oid binary_upgrade_set_next_heap_pg_class_oid
     binary_upgrade_set_next_heap_relfilenode binary_upgrade_set_next_index_pg_class_oid
     binary_upgrade_set_next_index_relfilenode binary_upgrade_set_next_multirange_array_pg_type_oid
     binary_upgrade_set_next_multirange_pg_type_oid binary_upgrade_set_next_pg_authid_oid
     binary_upgrade_set_next_pg_enum_oid binary_upgrade_set_next_pg_tablespace_oid
     binary_upgrade_set_next_pg_type_oid binary_upgrade_set_next_toast_pg_class_oid
     binary_upgrade_set_next_toast_relfilenode binary_upgrade_set_record_init_privs
     binary_upgrade_set_next_toast_pg_type_oid binary_upgrade_set_next_multirange_type_oid`,
  ],
  [
    'replication',
    `pg_create_logical_replication_slot pg_create_physical_replication_slot pg_drop_replication_slot
     pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_replication_slot_advance
     pg_sync_replication_slots pg_logical_slot_get_changes pg_logical_slot_get_binary_changes
     pg_logical_slot_peek_changes pg_logical_slot_peek_binary_changes pg_logical_emit_message
     pg_replication_origin_advance pg_replication_origin_create pg_replication_origin_drop
     pg_replication_origin_session_reset pg_replication_origin_session_setup pg_replication_origin_xact_reset
     pg_replication_origin_xact_setup`,
  ],
];

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Function name to the effects of calling it. */
export const functionEffects: ReadonlyMap<string, readonly SqlEffect[]> = (() => {
  const out = new Map<string, SqlEffect[]>();
  for (const [effect, names] of rows) {
    for (const name of words(names)) out.set(name, [...(out.get(name) ?? []), effect]);
  }
  return out;
})();

/** Functions that run SQL, or code of the database, which their arguments name. Some are declared stable. */
export const dynamicFunctions: ReadonlySet<string> = new Set(
  words(`query_to_xml query_to_xml_and_xmlschema query_to_xmlschema cursor_to_xml cursor_to_xmlschema
    table_to_xml table_to_xml_and_xmlschema table_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema
    schema_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema ts_stat ts_rewrite
    pg_input_is_valid pg_input_error_info satisfies_hash_partition
    domain_in array_in record_in range_in multirange_in fmgr_c_validator fmgr_internal_validator fmgr_sql_validator
    plpgsql_validator postgresql_fdw_validator
    crosstab crosstab2 crosstab3 crosstab4 connectby xpath_table`),
);

/** Functions that convert values to types which their arguments name, and so run the checks of domains. */
export const convertingFunctions: ReadonlySet<string> = new Set(
  words(`json_populate_record json_populate_recordset jsonb_populate_record jsonb_populate_recordset
    jsonb_populate_record_valid`),
);

/** Volatile for good reasons, and nothing is changed by calling them. They are no part of a proven read all the same. */
export const harmlessFunctions: ReadonlySet<string> = new Set(
  words(`amvalidate array_sample array_shuffle clock_timestamp current_query currtid2 currtid currval lastval
    gen_random_uuid uuidv4 uuidv7 random random_normal timeofday txid_status pg_xact_status pg_sleep pg_sleep_for
    pg_sleep_until pg_blocking_pids pg_safe_snapshot_blocking_pids pg_collation_actual_version
    pg_database_collation_actual_version pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system
    pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_database_size pg_get_aios
    pg_get_backend_memory_contexts pg_get_loaded_modules pg_get_multixact_members pg_get_sequence_data
    pg_get_shmem_allocations pg_get_shmem_allocations_numa pg_get_wait_events pg_get_wal_replay_pause_state
    pg_get_wal_resource_managers pg_indexes_size pg_is_in_recovery pg_is_wal_replay_paused
    pg_isolation_test_session_is_blocked pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn
    pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage
    pg_partition_ancestors pg_partition_tree pg_prepared_xact pg_relation_size pg_replication_origin_progress
    pg_replication_origin_session_is_setup pg_replication_origin_session_progress pg_sequence_last_value
    pg_show_replication_origin_status pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_io
    pg_stat_get_recovery_prefetch pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit
    pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time
    pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched
    pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated
    pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated pg_stat_have_stats pg_table_size
    pg_tablespace_size pg_total_relation_size pg_xact_commit_timestamp pg_xact_commit_timestamp_origin`),
);

/**
 * What newer grammars spell as syntax and older servers look up as a function: where the database has a function of such
 * a name, an older server would call that one.
 */
export const syntaxFunctions: Readonly<Record<string, readonly string[]>> = {
  JsonObjectConstructor: ['json_object'],
  JsonArrayConstructor: ['json_array'],
  JsonArrayQueryConstructor: ['json_array'],
  JsonObjectAgg: ['json_objectagg'],
  JsonArrayAgg: ['json_arrayagg'],
  JsonFuncExpr: ['json_exists', 'json_query', 'json_value'],
  JsonTable: ['json_table'],
  JsonParseExpr: ['json'],
  JsonScalarExpr: ['json_scalar'],
  JsonSerializeExpr: ['json_serialize'],
  MergeSupportFunc: ['merge_action'],
};
