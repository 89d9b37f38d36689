"""What every component stands on, without knowledge of the API: loop, tasks, time, log, HTTP, keys."""
