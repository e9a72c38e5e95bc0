"""The operations of the API: a request as values → a checked call of the plan. No sockets in here."""
