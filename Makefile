.PHONY: links
links:
	@mkdir -p .typing/moot
	@for part in agent prompts sandbox tools; do ln -sfn ../../$$part .typing/moot/$$part; done
