"""The faces of the exchange: the API, the portal and the pages that a customer sees. No page of the plant is here."""
