DROP TRIGGER webhook_lanes_channel_tg;
DROP TABLE presence_changes;
DROP TABLE presence;
DROP TABLE webhook_failures;
DROP TABLE webhook_cursors;
DROP TABLE webhooks;
