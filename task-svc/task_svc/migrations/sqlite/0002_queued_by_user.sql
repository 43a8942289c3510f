-- How many tasks of a user wait is counted at every submission.
CREATE INDEX tasks_queued_by_user ON tasks (user_id) WHERE state = 'queued';
