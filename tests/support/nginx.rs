//! A real nginx in front of several gateways.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::{gateway::Plan, wait_for_port};

/// An nginx that ends when this is dropped.
pub struct Nginx {
    directory: TempDir,
    process: Child,
}

impl Nginx {
    /// Serves at a port, and passes everything on to gateways, with connections that it keeps.
    pub async fn start(port: u16, gateways: &[&Plan]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path().display();
        let server = |plan: &&Plan| format!("server 127.0.0.1:{} fail_timeout=1s;\n", plan.port());
        let servers = gateways.iter().map(server).collect::<Vec<_>>().concat();
        let (certificate, key) = (gateways[0].path("tls.pem"), gateways[0].path("tls.key"));
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {here}/{name};\n"))
            .concat();
        // As docs/operation.md has it.
        let configuration = format!(
            "user root;\ndaemon off;\nworker_processes 2;\npid {here}/pid;\nerror_log {here}/error.log warn;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\naccess_log off;\n{temporary}\
             upstream gateways {{\n{servers}keepalive 32;\n}}\n\
             server {{\nlisten 127.0.0.1:{port} ssl;\n\
             ssl_certificate {};\nssl_certificate_key {};\n\
             location / {{\nproxy_pass https://gateways;\nproxy_http_version 1.1;\n\
             proxy_set_header Connection \"\";\nproxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $remote_addr;\n}}\n}}\n}}\n",
            certificate.display(),
            key.display()
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let process = Command::new("nginx")
            .arg("-p")
            .arg(directory.path())
            .arg("-e")
            .arg(directory.path().join("error.log"))
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_port(port, "nginx").await;
        Self { directory, process }
    }

    /// What it complains of.
    pub fn complaints(&self) -> String {
        fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave its workers behind.
        let id = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.process.wait();
    }
}
