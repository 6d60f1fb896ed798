"""The service: a page and an API that check a photo against what was declared, and a queue for people."""
