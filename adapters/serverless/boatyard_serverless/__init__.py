"""What the functions of every cloud share. It knows no cloud: `ports` is what it needs of one."""
