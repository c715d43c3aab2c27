"""
Time travel: a project lived through from one moment that matters to the next.

Start with `replay` (the whole), then `stepping` (one moment, shared with the demo);
`repository` and `worktree` bring back the files as a git history has them.
"""
