"""The public benchmark: parent → child extraction, with and without a limit, beside other tools."""
