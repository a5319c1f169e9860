//! nginx, as an application that asks whoever comes for a certificate.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::support::{free_port, gateway::write_secret, wait_for_port};

/// An nginx with a certificate for `app.internal`, which ends when this is dropped.
pub struct Nginx {
    pub port: u16,
    pub directory: TempDir,
    process: Child,
}

/// Who signs certificates.
type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer(name: &str) -> Issuer {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, in files of that name.
fn certify(issuer: &Issuer, directory: &Path, name: &str) {
    let mut parameters = CertificateParams::new([format!("{name}.internal")]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.signed_by(&key, issuer).unwrap();
    fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
    write_secret(&directory.join(format!("{name}.key")), &key.serialize_pem());
}

impl Nginx {
    pub async fn start() -> Self {
        let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
        let (ours, others) = (issuer("ours"), issuer("others"));
        certify(&ours, directory.path(), "app");
        certify(&ours, directory.path(), "gateway");
        fs::write(directory.path().join("ca.pem"), ours.pem()).unwrap();
        fs::write(directory.path().join("others.pem"), others.pem()).unwrap();
        let here = directory.path().display();
        let configuration = format!(
            "daemon off; worker_processes 1; pid {here}/pid; error_log {here}/error.log;\n\
             events {{}}\nhttp {{ access_log off; client_body_temp_path {here}/a; proxy_temp_path {here}/b;\n\
             fastcgi_temp_path {here}/c; uwsgi_temp_path {here}/d; scgi_temp_path {here}/e;\n\
             server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {here}/app.pem; ssl_certificate_key {here}/app.key;\n\
             ssl_client_certificate {here}/ca.pem; ssl_verify_client on;\n\
             location / {{ return 200 \"$ssl_client_s_dn $ssl_server_name $host\"; }} }} }}\n"
        );
        fs::write(directory.path().join("nginx.conf"), configuration).unwrap();
        let process = Command::new("/usr/sbin/nginx")
            .arg("-p")
            .arg(directory.path())
            .arg("-c")
            .arg(directory.path().join("nginx.conf"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_port(port, "nginx").await;
        Self { port, directory, process }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its master would leave the worker behind if it were killed.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.process.wait();
    }
}
