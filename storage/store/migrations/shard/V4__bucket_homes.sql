-- Which buckets are at home here. Every transaction that writes enters its buckets first, so that whoever goes by
-- an old map writes nothing; a move that takes a bucket away waits for those who are in it.

-- state: 1 here; 2 here, and its changes are logged for a move; 3 gone, and some rows are still to be deleted;
-- 4 arriving. A bucket without a row is not here. move, epoch: who may change the row while a move is on.
CREATE TABLE bucket_homes (
    bucket smallint PRIMARY KEY CHECK (bucket BETWEEN 0 AND 4095),
    state  smallint NOT NULL CHECK (state BETWEEN 1 AND 4),
    move   bigint,
    epoch  bigint   NOT NULL DEFAULT 0
);
-- True once bucket_homes was filled from the map of the cluster.
ALTER TABLE shard_identity ADD COLUMN homed boolean NOT NULL DEFAULT false;

-- Keys of rows that changed in a bucket that is being moved. A crash may lose them: the move then begins again with
-- the buckets concerned.
CREATE UNLOGGED TABLE bucket_changes (
    seq      bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    moving   smallint NOT NULL,
    of_table text     NOT NULL,
    key      jsonb    NOT NULL
);

-- Locks of buckets are advisory locks of this class: they cost no write, and who waits for one is not overtaken.
-- An error of the code WB001 says that a bucket is not here.
CREATE FUNCTION enter_buckets(wanted smallint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one     smallint;
    missing smallint;
BEGIN
    FOREACH one IN ARRAY wanted LOOP
        PERFORM pg_advisory_xact_lock_shared(30585, one);
    END LOOP;
    -- a statement of its own, so that it sees what happened while this waited
    SELECT w INTO missing FROM unnest(wanted) AS w
        WHERE NOT EXISTS (SELECT 1 FROM bucket_homes WHERE bucket = w AND state <= 2) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WB001', MESSAGE = format('bucket %s is not here', missing);
    END IF;
END $$;

-- Waits until nobody is in the buckets; nobody enters them until the end of the transaction.
CREATE FUNCTION close_buckets(wanted smallint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one smallint;
BEGIN
    FOREACH one IN ARRAY wanted LOOP
        PERFORM pg_advisory_xact_lock(30585, one);
    END LOOP;
END $$;

-- The trigger of a move, on each table with a bucket; on only while buckets leave this shard. Arguments: the
-- table (a partition has another name) and the columns of its key.
CREATE FUNCTION log_bucket_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb[] := '{}';
    one     jsonb;
    home    smallint;
BEGIN
    IF current_setting('wydbr.mover', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        changed := changed || to_jsonb(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        changed := changed || to_jsonb(NEW);
    END IF;
    FOREACH one IN ARRAY changed LOOP
        SELECT state INTO home FROM bucket_homes WHERE bucket = (one ->> 'bucket')::smallint;
        IF home = 2 THEN
            INSERT INTO bucket_changes (moving, of_table, key)
                SELECT (one ->> 'bucket')::smallint, TG_ARGV[0], jsonb_object_agg(part, one -> part)
                FROM unnest(TG_ARGV[1:array_upper(TG_ARGV, 1)]) AS part;
        ELSIF home IS DISTINCT FROM 1::smallint THEN
            RAISE EXCEPTION USING ERRCODE = 'WB001',
                MESSAGE = format('bucket %s is not here, and somebody writes into it', one ->> 'bucket');
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
