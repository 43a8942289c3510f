-- What ended long ago is looked for every hour.
CREATE INDEX tasks_ended ON tasks (end_time) WHERE end_time IS NOT NULL;
