-- Each transition and each progress of a task, which its watchers are sent in order, also those who come back.
CREATE TABLE changes (
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    -- That of the task with this change; a sign of life without progress has one too, and is no change.
    revision INTEGER NOT NULL,
    -- Whether the state changed, or only the progress.
    transition INTEGER NOT NULL,
    state TEXT NOT NULL,
    progress_percent REAL NOT NULL,
    stage TEXT NOT NULL,
    error TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    update_time REAL NOT NULL,
    PRIMARY KEY (task_id, revision)
) STRICT, WITHOUT ROWID;
-- Progress is of interest for an hour, transitions as long as the task.
CREATE INDEX changes_progress ON changes (update_time) WHERE NOT transition;

INSERT INTO changes
SELECT id, revision, true, state, progress_percent, stage, error, attempts, update_time FROM tasks;

-- By triggers, so that no statement can forget it.
CREATE TRIGGER tasks_made AFTER INSERT ON tasks BEGIN
    INSERT INTO changes VALUES (
        NEW.id, NEW.revision, true, NEW.state, NEW.progress_percent, NEW.stage, NEW.error, NEW.attempts,
        NEW.update_time);
END;
CREATE TRIGGER tasks_changed AFTER UPDATE ON tasks
WHEN (OLD.state, OLD.attempts, OLD.progress_percent, OLD.stage)
     IS NOT (NEW.state, NEW.attempts, NEW.progress_percent, NEW.stage)
BEGIN
    INSERT INTO changes VALUES (
        NEW.id, NEW.revision, (OLD.state, OLD.attempts) <> (NEW.state, NEW.attempts),
        NEW.state, NEW.progress_percent, NEW.stage, NEW.error, NEW.attempts, NEW.update_time);
END;
