"""The MMS bot: from `/mms` in Slack to a phone, through Sinch."""
