"""The command line: click, one command per file; holds no rules, only words, colours and exit codes."""
