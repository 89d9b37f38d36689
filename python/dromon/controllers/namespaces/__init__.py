"""Deleting a namespace deletes what is in it: plan decides, controller deletes and finalizes."""
