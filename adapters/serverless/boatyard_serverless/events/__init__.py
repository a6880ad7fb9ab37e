"""Handles events, which have no caller: messages, dropped specs, pushed bases, the daily report."""
