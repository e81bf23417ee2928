-- The ledger by time: a partition for each month (UTC), a default one for what no month takes, and a base for each
-- bucket, into which entries are folded before they are removed.

-- what is prepared keeps its locks, and only the version that prepared it is running to end it
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM pg_prepared_xacts WHERE database = current_database()
               AND starts_with(gid, 'wydbr:') AND prepared < clock_timestamp() - interval '10 seconds') THEN
        RAISE EXCEPTION 'a crash left prepared transactions; start the version before this one once, it ends them';
    END IF;
END $$;

ALTER TABLE ledger RENAME TO ledger_before;
ALTER SEQUENCE ledger_entry_seq RENAME TO ledger_before_entry_seq;
ALTER TABLE ledger_before RENAME CONSTRAINT ledger_pkey TO ledger_before_pkey;
DROP INDEX ledger_item, ledger_from, ledger_to, ledger_bucket, ledger_crossing, ledger_at;

-- Entries keep their numbers; at_ms is in the key because a partition must be known by it.
CREATE TABLE ledger (
    LIKE ledger_before INCLUDING CONSTRAINTS INCLUDING IDENTITY,
    CONSTRAINT ledger_pkey PRIMARY KEY (entry, at_ms)
) PARTITION BY RANGE (at_ms);
CREATE TABLE ledger_default PARTITION OF ledger DEFAULT;

-- Makes the partitions of the months from one time to another that are not there; how many it made. A month of which
-- the default partition holds entries stays there.
CREATE FUNCTION make_ledger_partitions(first_ms bigint, last_ms bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    month    timestamp := date_trunc('month', to_timestamp(first_ms / 1000.0) AT TIME ZONE 'UTC');
    begin_ms bigint    := extract(epoch FROM month) * 1000;
    end_ms   bigint;
    named    text;
    made     integer   := 0;
BEGIN
    WHILE begin_ms <= last_ms LOOP
        named := 'ledger_' || to_char(month, 'YYYY_MM');
        month := month + interval '1 month';
        end_ms := extract(epoch FROM month) * 1000;
        IF to_regclass(named) IS NULL
            AND NOT EXISTS (SELECT 1 FROM ledger_default WHERE at_ms >= begin_ms AND at_ms < end_ms) THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF ledger FOR VALUES FROM (%s) TO (%s)', named, begin_ms, end_ms);
            made := made + 1;
        END IF;
        begin_ms := end_ms;
    END LOOP;
    RETURN made;
END $$;

-- no more than the months of five years, whatever the times of old entries say
SELECT make_ledger_partitions(first_ms, first_ms) FROM (
    SELECT DISTINCT (extract(epoch FROM date_trunc('month', to_timestamp(at_ms / 1000.0) AT TIME ZONE 'UTC')) * 1000)::bigint
    FROM ledger_before WHERE at_ms > extract(epoch FROM clock_timestamp() - interval '5 years') * 1000
) AS months (first_ms);
SELECT make_ledger_partitions((extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    (extract(epoch FROM clock_timestamp() + interval '92 days') * 1000)::bigint);
INSERT INTO ledger OVERRIDING SYSTEM VALUE SELECT * FROM ledger_before;
SELECT setval(pg_get_serial_sequence('ledger', 'entry'), last_value, is_called) FROM ledger_before_entry_seq;

CREATE INDEX ledger_item ON ledger (item, entry) WHERE item IS NOT NULL;
CREATE INDEX ledger_from ON ledger (from_owner, entry) WHERE from_owner IS NOT NULL;
CREATE INDEX ledger_to ON ledger (to_owner, entry) WHERE to_owner IS NOT NULL;
CREATE INDEX ledger_bucket ON ledger (bucket, at_ms);
CREATE INDEX ledger_crossing ON ledger (operation) WHERE from_kind = 8 OR to_kind = 8;
CREATE INDEX ledger_at ON ledger USING brin (at_ms);
CREATE TRIGGER ledger_append_only BEFORE UPDATE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();

-- a move that is on goes on logging; what it has logged so far makes it begin its buckets again
DO $$
DECLARE
    state "char";
BEGIN
    SELECT tgenabled INTO state FROM pg_trigger
        WHERE tgrelid = 'ledger_before'::regclass AND tgname = 'bucket_change';
    IF FOUND THEN
        CREATE TRIGGER bucket_change AFTER INSERT OR UPDATE OR DELETE ON ledger
            FOR EACH ROW EXECUTE FUNCTION log_bucket_change('ledger', 'entry', 'at_ms');
        IF state = 'D' THEN
            ALTER TABLE ledger DISABLE TRIGGER bucket_change;
        END IF;
    END IF;
END $$;
DROP TABLE ledger_before;

-- What the entries of a bucket that are past the retention said. Entries before until_ms count no more, whether or
-- not they are removed yet. crossings: the sums of digests of what went to other buckets and came from there.
CREATE TABLE ledger_horizons (
    bucket    smallint PRIMARY KEY CHECK (bucket BETWEEN 0 AND 4095),
    until_ms  bigint   NOT NULL,
    crossings bytea    NOT NULL
);
-- Items that were in the bucket then.
CREATE TABLE ledger_base_items (
    bucket      smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    item        uuid     NOT NULL,
    kind        integer  NOT NULL,
    effects     bytea    NOT NULL CHECK (length(effects) = 6),
    place_kind  smallint NOT NULL,
    place_owner bigint   NOT NULL,
    place_slot  integer  NOT NULL,
    PRIMARY KEY (bucket, item)
);
CREATE INDEX ledger_base_items_item ON ledger_base_items (item);
-- Gold and cash that was there then; a purse that was empty has no row.
CREATE TABLE ledger_base_purses (
    bucket  smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    kind    smallint NOT NULL,
    owner   bigint   NOT NULL,
    balance bigint   NOT NULL,
    PRIMARY KEY (bucket, kind, owner)
);
-- Gold (cash: 0) and cash (cash: 1) by way: 1 minted, 2 burned, 3 came from other buckets less what went there.
CREATE TABLE ledger_base_sums (
    bucket smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    cash   smallint NOT NULL CHECK (cash IN (0, 1)),
    way    smallint NOT NULL CHECK (way BETWEEN 1 AND 3),
    reason text     NOT NULL,
    amount bigint   NOT NULL,
    PRIMARY KEY (bucket, cash, way, reason)
);

-- old outcomes are found by bucket
DROP INDEX operations_bucket;
CREATE INDEX operations_bucket ON operations (bucket, at_ms);
