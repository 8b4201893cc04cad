-- Access from the public network, bandwidth that was changed, orders, and templates of other editions.

ALTER TABLE instances ADD COLUMN elb_id TEXT CHECK (elb_id <> '');               -- the load balancer; null: none was named
ALTER TABLE instances ADD COLUMN bandwidth TEXT                                  -- what was changed of it; null: nothing
    CHECK (bandwidth IS NULL OR json_type(bandwidth) = 'object');
ALTER TABLE instances ADD COLUMN subscription TEXT                               -- for which time it is paid in advance; null: one month
    CHECK (subscription IS NULL OR json_type(subscription) = 'object' AND charging_mode = 1);

CREATE INDEX prepaid_instances ON instances (order_id) WHERE charging_mode = 1 AND deleted_at IS NULL;

-- Orders of a project, which outlive its instances.
CREATE TABLE orders (
    order_id    TEXT    PRIMARY KEY CHECK (order_id <> ''),
    project_key INTEGER NOT NULL REFERENCES projects,
    document    TEXT    NOT NULL CHECK (document ->> 'kind' IN ('purchase', 'change', 'unsubscription')
                                        AND document ->> 'status' IN ('processing', 'cancelled', 'done', 'unpaid')
                                        AND (document ->> 'status' = 'unpaid') = (document ->> 'paid_at' IS NULL)
                                        AND json_type(document, '$.resources') = 'array')
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_of_projects ON orders (project_key);
-- Those that a change of an instance can end.
CREATE INDEX orders_in_processing ON orders (project_key) WHERE document ->> 'status' = 'processing';

ALTER TABLE config_templates ADD COLUMN product_type TEXT NOT NULL DEFAULT 'generic' CHECK (product_type IN ('generic', 'enterprise'));
ALTER TABLE config_templates ADD COLUMN storage_type TEXT NOT NULL DEFAULT 'DRAM' CHECK (storage_type IN ('DRAM', 'SSD'));
