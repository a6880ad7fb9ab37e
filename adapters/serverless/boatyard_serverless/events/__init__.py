"""What happens without a caller: messages, dropped specs, pushed bases, the daily report."""
