//! An editor inside the test: speaks to the server over channels.

use lsp_server::{Connection, Message, Notification, Request, ResponseError};
use serde_json::{Value, json};
use std::thread::JoinHandle;

pub struct Client {
    connection: Connection,
    server: Option<JoinHandle<Result<(), String>>>,
    next: i32,
}

impl Client {
    pub fn start(options: Value) -> Client {
        let (connection, theirs) = Connection::memory();
        let server = std::thread::spawn(move || pfm_lsp::serve(&theirs));
        let mut client = Client { connection, server: Some(server), next: 0 };
        client.request("initialize", json!({ "capabilities": {}, "initializationOptions": options }));
        client.notify("initialized", json!({}));
        client
    }

    pub fn notify(&self, method: &str, params: Value) {
        self.connection.sender.send(Notification::new(method.to_string(), params).into()).expect("the server listens");
    }

    pub fn answer(&mut self, method: &str, params: Value) -> Result<Value, ResponseError> {
        self.next += 1;
        let request = Request::new(self.next.into(), method.to_string(), params);
        self.connection.sender.send(request.into()).expect("the server listens");
        loop {
            match self.connection.receiver.recv().expect("the server answers") {
                Message::Response(response) => return response.response_result,
                Message::Notification(_) | Message::Request(_) => {}
            }
        }
    }

    /// The diagnostics that come next for a file.
    pub fn next_problems(&mut self, uri: &str) -> Value {
        loop {
            match self.connection.receiver.recv_timeout(std::time::Duration::from_secs(120)).expect("the server publishes") {
                Message::Notification(n) if n.params["uri"] == uri => return n.params["diagnostics"].clone(),
                _ => {}
            }
        }
    }

    /// The result of a request that must succeed.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        self.answer(method, params).unwrap_or_else(|e| panic!("{method}: {e:?}"))
    }

    pub fn open(&self, uri: &str, text: &str) {
        self.notify("textDocument/didOpen", json!({ "textDocument": { "uri": uri, "languageId": "pfm", "version": 1, "text": text } }));
    }

    /// Replaces the whole text.
    pub fn replace(&self, uri: &str, text: &str) {
        let changes = json!([{ "text": text }]);
        self.notify("textDocument/didChange", json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": changes }));
    }

    /// Asks about the place of `|` in the marked text, which is put into the file.
    pub fn at(&mut self, uri: &str, marked: &str, method: &str) -> Value {
        let (text, place) = unmarked(marked);
        self.replace(uri, &text);
        self.request(method, json!({ "textDocument": { "uri": uri }, "position": place }))
    }

    pub fn stop(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        let server = self.server.take().expect("it runs");
        server.join().expect("no panic").expect("a clean end");
    }
}

/// The text without its mark, and where that was.
pub fn unmarked(marked: &str) -> (String, Value) {
    let at = marked.find('‸').expect("a mark");
    let before = &marked[..at];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or("").encode_utf16().count();
    (marked.replacen('‸', "", 1), json!({ "line": line, "character": column }))
}

pub fn hover_text(hover: &Value) -> &str {
    hover["contents"]["value"].as_str().unwrap_or("")
}

pub fn labels(items: &Value) -> Vec<&str> {
    items.as_array().map_or(vec![], |a| a.iter().filter_map(|i| i["label"].as_str()).collect())
}
