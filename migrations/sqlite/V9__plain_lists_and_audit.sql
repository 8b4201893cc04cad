-- Lists of instances are read in one covering index, with everything that they are filtered by.
DROP TRIGGER instances_are_counted;
DROP TRIGGER instances_are_counted_anew;
DROP TRIGGER instances_come_into_blocks;
DROP TRIGGER instances_change_in_blocks;
DROP TRIGGER long_blocks_are_cut;
DROP TRIGGER empty_blocks_join_the_one_before;
DROP TRIGGER instances_have_their_terms;
DROP TRIGGER old_terms_go;
DROP TRIGGER new_terms_come;
DROP VIEW counted_instances;
DROP VIEW even_blocks;
DROP VIEW terms_of_instances;
DROP TABLE instance_counts;
DROP TABLE instance_blocks;
DROP TABLE instance_terms;
DROP INDEX instances_in_list_order;
DROP INDEX instances_by_status;
DROP INDEX instances_by_capacity;
DROP INDEX instance_tags_by_tag;

-- Deleted instances are in it, so that a reset finds all that a project ever had.
CREATE INDEX instances_in_list_order
ON instances (project_key, deleted_at, created_at DESC, instance_id, status, engine, name, ip, capacity_mb);
