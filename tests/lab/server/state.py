"""What the server remembers: tables of JSON documents in memory, written through to SQLite.

A request changes documents under `lock` and calls `commit` before it answers, so a server that
was killed comes back with everything it ever confirmed.
"""

import json
import os
import sqlite3
import threading

TABLES = ("devices", "auth_sets", "tokens", "deployments", "device_deployments", "logs",
          "artifacts", "inventory", "users", "user_tokens", "settings")


class State:
    def __init__(self, path):
        self.lock = threading.RLock()
        self.tables = {name: {} for name in TABLES}
        self.changed = {}
        self.database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        os.chmod(path, 0o600)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=OFF")
        self.database.execute("CREATE TABLE IF NOT EXISTS documents ("
                              "place INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, "
                              "id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE(kind, id))")
        rows = self.database.execute("SELECT kind, id, body FROM documents ORDER BY place")
        for kind, key, body in rows:
            self.tables[kind][key] = json.loads(body)

    def table(self, kind):
        """The documents of a kind by id, oldest first.  Change them with put and drop."""
        return self.tables[kind]

    def get(self, kind, key):
        return self.tables[kind].get(key)

    def put(self, kind, key, document):
        """Remember a new or changed document; returns it."""
        self.tables[kind][key] = document
        self.changed[(kind, key)] = True
        return document

    def drop(self, kind, key):
        if self.tables[kind].pop(key, None) is not None:
            self.changed[(kind, key)] = False

    def commit(self):
        """Write what changed since the last commit.  Call with the lock held."""
        if not self.changed:
            return
        kept = [(kind, key, json.dumps(self.tables[kind][key]))
                for (kind, key), here in self.changed.items() if here]
        gone = [name for name, here in self.changed.items() if not here]
        self.changed = {}
        self.database.execute("BEGIN")
        self.database.executemany("INSERT INTO documents (kind, id, body) VALUES (?, ?, ?) "
                                  "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                                  kept)
        self.database.executemany("DELETE FROM documents WHERE kind = ? AND id = ?", gone)
        self.database.execute("COMMIT")

    def setting(self, name, default=None):
        document = self.get("settings", name)
        return default if document is None else document["value"]

    def set_setting(self, name, value):
        self.put("settings", name, {"value": value})

    def close(self):
        with self.lock:
            self.commit()
            self.database.close()
