"""Runs trials in the sandbox: a few lines of code on several versions of a repository, and what they show."""

from moot.agent.verify.trials.run import run_trials

__all__ = ["run_trials"]
