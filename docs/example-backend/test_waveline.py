from tokend_waveline import Waveline

from tokend.plugins import Secret
from tokend.testing import BackendConformance


class TestWaveline(BackendConformance):
    backend = Waveline
    options = {"secret": [Secret("a test's secret"), Secret("the one before")], "server_url": "wss://waveline.example"}
    token_requests = (
        {"room": "lobby", "user": "ann"},
        {"room": "lobby", "user": "ann", "role": "publisher"},
        {"room": "lobby", "user": "ann", "name": "Ann Example"},
    )
    refused = ({"user": "ann"}, {"room": "", "user": "ann"}, {"room": "*", "user": "ann"}, {"room": "lobby", "user": 7})
    unnamed = ({"room": "lobby"},)
