// Starts `pfmc lsp` for .pfm files; everything that the editor then shows comes from it.

const { workspace } = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

function activate() {
  const settings = workspace.getConfiguration('pfm');
  const server = { command: settings.get('command'), args: ['lsp'] };
  const profile = settings.get('profile');
  client = new LanguageClient('pfm', 'pfm', server, {
    documentSelector: [{ language: 'pfm' }],
    initializationOptions: profile ? { profile } : {},
  });
  return client.start();
}

function deactivate() {
  return client && client.stop();
}

module.exports = { activate, deactivate };
