-- The trace of the request that a task was accepted for (W3C), which the work goes on with.
ALTER TABLE tasks ADD COLUMN traceparent text NOT NULL DEFAULT '';
