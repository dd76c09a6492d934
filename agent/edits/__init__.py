"""What a model wrote -> a validated patch; all or nothing; pure."""
