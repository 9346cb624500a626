//! The conversation with an editor: one message at a time, diagnostics when there is nothing else to do.

use crate::text::Encoding;
use crate::workspace::Workspace;
use crate::{complete, hover, names, place, problems};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Serves standard input and output until the editor says goodbye. An error is one of the connection.
pub fn stdio() -> Result<(), String> {
    let (connection, threads) = Connection::stdio();
    serve(&connection)?;
    drop(connection);
    threads.join().map_err(|e| e.to_string())
}

/// Serves one editor.
pub fn serve(connection: &Connection) -> Result<(), String> {
    let (id, params) = connection.initialize_start().map_err(|e| e.to_string())?;
    let params: InitializeParams = serde_json::from_value(params).map_err(|e| e.to_string())?;
    let offered = params.capabilities.general.and_then(|g| g.position_encodings).unwrap_or_default();
    let encoding = Encoding::agreed(&offered);
    let profile = params.initialization_options.and_then(|o| o.get("profile")?.as_str().map(str::to_string));
    let answer = json!({ "capabilities": capabilities(encoding), "serverInfo": { "name": "pfmc", "version": env!("CARGO_PKG_VERSION") } });
    connection.initialize_finish(id, answer).map_err(|e| e.to_string())?;
    let mut server = Server { connection, workspace: Workspace::new(encoding, profile) };
    while let Ok(message) = connection.receiver.recv() {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request).map_err(|e| e.to_string())? {
                    return Ok(());
                }
                server.request(request);
            }
            Message::Notification(notification) => server.notification(notification),
            Message::Response(_) => {}
        }
        // While the user types, only the last text is worth reading.
        if connection.receiver.is_empty() {
            server.publish();
        }
    }
    Ok(())
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    let trigger = |marks: &[&str]| Some(marks.iter().map(|m| m.to_string()).collect());
    ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(TextDocumentSyncKind::INCREMENTAL.into()),
        hover_provider: Some(true.into()),
        completion_provider: Some(CompletionOptions { trigger_characters: trigger(&[".", "=", ":", "("]), ..Default::default() }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions { prepare_provider: Some(true), work_done_progress_options: Default::default() })),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL]),
            ..Default::default()
        })),
        ..ServerCapabilities::default()
    }
}

struct Server<'a> {
    connection: &'a Connection,
    workspace: Workspace,
}

impl Server<'_> {
    fn send(&self, message: impl Into<Message>) {
        // An editor that has gone away ends the loop by itself.
        let _ = self.connection.sender.send(message.into());
    }

    /// Answers; a defect of ours is answered as such and does not end the session.
    fn request(&mut self, request: Request) {
        let id = request.id.clone();
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(request)));
        self.send(match answer {
            Ok(Ok(value)) => Response::new_ok(id, value),
            Ok(Err((code, message))) => Response::new_err(id, code as i32, message),
            Err(_) => Response::new_err(id, ErrorCode::InternalError as i32, "internal error; standard error says where".to_string()),
        });
    }

    fn answer(&mut self, request: Request) -> Result<Value, (ErrorCode, String)> {
        let w = &mut self.workspace;
        let params = request.params;
        match request.method.as_str() {
            "textDocument/hover" => {
                let p: HoverParams = read(params)?;
                let at = p.text_document_position_params;
                value(hover::at(w, &at.text_document.uri, at.position))
            }
            "textDocument/completion" => {
                let p: CompletionParams = read(params)?;
                let at = p.text_document_position;
                value(complete::at(w, &at.text_document.uri, at.position))
            }
            "textDocument/definition" => {
                let p: GotoDefinitionParams = read(params)?;
                let at = p.text_document_position_params;
                value(names::definition(w, &at.text_document.uri, at.position))
            }
            "textDocument/references" => {
                let p: ReferenceParams = read(params)?;
                let at = p.text_document_position;
                value(names::references(w, &at.text_document.uri, at.position, p.context.include_declaration))
            }
            "textDocument/documentHighlight" => {
                let p: DocumentHighlightParams = read(params)?;
                let at = p.text_document_position_params;
                let found = names::references(w, &at.text_document.uri, at.position, true).unwrap_or_default();
                let here = found.into_iter().filter(|l| l.uri == at.text_document.uri);
                value(here.map(|l| DocumentHighlight { range: l.range, kind: None }).collect::<Vec<_>>())
            }
            "textDocument/prepareRename" => {
                let p: TextDocumentPositionParams = read(params)?;
                value(names::may_rename(w, &p.text_document.uri, p.position).map_err(refused)?)
            }
            "textDocument/rename" => {
                let p: RenameParams = read(params)?;
                let at = p.text_document_position;
                value(names::rename(w, &at.text_document.uri, at.position, &p.new_name).map_err(refused)?)
            }
            "textDocument/formatting" => {
                let p: DocumentFormattingParams = read(params)?;
                value(formatted(w, &p.text_document.uri))
            }
            "textDocument/documentSymbol" => {
                let p: DocumentSymbolParams = read(params)?;
                value(names::outline(w, &p.text_document.uri))
            }
            "textDocument/codeAction" => {
                let p: CodeActionParams = read(params)?;
                let read = w.read(&place::path_of(&p.text_document.uri));
                value(read.map(|r| problems::actions(w, &r, p.range)))
            }
            other => Err((ErrorCode::MethodNotFound, format!("`{other}` is not known here"))),
        }
    }

    fn notification(&mut self, notification: Notification) {
        let params = notification.params;
        match notification.method.as_str() {
            "textDocument/didOpen" => {
                let Ok(p) = read::<DidOpenTextDocumentParams>(params) else { return };
                let document = p.text_document;
                self.workspace.open(&document.uri, document.version, document.text);
            }
            "textDocument/didChange" => {
                let Ok(p) = read::<DidChangeTextDocumentParams>(params) else { return };
                for change in p.content_changes {
                    self.workspace.change(&p.text_document.uri, p.text_document.version, change.range, &change.text);
                }
            }
            "textDocument/didClose" => {
                let Ok(p) = read::<DidCloseTextDocumentParams>(params) else { return };
                self.workspace.close(&p.text_document.uri);
                self.show(p.text_document.uri, None, vec![]);
            }
            // Files that are not open may have changed on disk.
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.workspace.forget(),
            _ => {}
        }
    }

    /// Reads every file that changed and shows what is wrong with it.
    fn publish(&mut self) {
        for (path, version) in self.workspace.stale() {
            let found = catch_unwind(AssertUnwindSafe(|| {
                let read = self.workspace.read(&path)?;
                Some(problems::of(&self.workspace, &read))
            }));
            if let (Ok(Some(found)), Some(uri)) = (found, place::uri_of(&path)) {
                self.show(uri, Some(version), found);
            }
        }
    }

    fn show(&self, uri: Uri, version: Option<i32>, diagnostics: Vec<Diagnostic>) {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        self.send(Notification::new("textDocument/publishDiagnostics".to_string(), params));
    }
}

/// The whole file in its canonical form; nothing when it cannot be read or is canonical.
fn formatted(workspace: &mut Workspace, uri: &Uri) -> Option<Vec<TextEdit>> {
    let read = workspace.read(&place::path_of(uri))?;
    let new_text = pfm_syntax::format(&read.text).ok()?;
    if new_text == read.text {
        return Some(vec![]);
    }
    let whole = pfm_diag::Span::new(crate::workspace::Read::ID, 0, read.text.len());
    Some(vec![TextEdit { range: crate::text::range(&read.text, whole, workspace.encoding), new_text }])
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, (ErrorCode, String)> {
    serde_json::from_value(params).map_err(|e| (ErrorCode::InvalidParams, e.to_string()))
}

fn value(answer: impl serde::Serialize) -> Result<Value, (ErrorCode, String)> {
    serde_json::to_value(answer).map_err(|e| (ErrorCode::InternalError, e.to_string()))
}

fn refused(why: String) -> (ErrorCode, String) {
    (ErrorCode::RequestFailed, why)
}
