"""From a row to Sinch and back: sending, looking up what was lost, and telling the sender."""
