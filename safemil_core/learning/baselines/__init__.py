"""What SafeMIL is compared with: other ways to score steps, to weigh them, or to make a policy of them."""
