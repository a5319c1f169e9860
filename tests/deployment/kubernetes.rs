//! Manifests: built by kubectl, compared with Kubernetes' schemas, and with what the gateway does.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::{LazyLock, Once},
};

use gatehouse::config::Config;
use serde_json::Value;

use crate::support::gateway::Plan;

const FOLDERS: [&str; 3] = ["standalone", "sidecar", "overlays/example"];

/// Python, with Kubernetes' schemas; they are put there by the first who asks.
fn python() -> Command {
    static READY: Once = Once::new();
    READY.call_once(|| {
        let requirements = ["tests/deployment/requirements.txt", "target/deployment"];
        let made = Command::new("scripts/python.sh").args(requirements).status().unwrap();
        assert!(made.success(), "the schemas could not be installed: is PyPI reachable?");
    });
    Command::new("target/deployment/bin/python")
}

/// What a Python program prints, which has to be JSON.
fn read(arguments: &[&str]) -> Value {
    let output = python().args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A file in YAML.
pub fn read_yaml(path: &str) -> Value {
    let program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    read(&["-c", program, path])
}

/// What a kustomization of `deploy/kubernetes` comes to, if Kubernetes takes it.
pub fn manifests(folder: &str) -> &'static [Value] {
    static BUILT: LazyLock<BTreeMap<&str, Vec<Value>>> =
        LazyLock::new(|| FOLDERS.map(|folder| (folder, build(folder))).into());
    &BUILT[folder]
}

fn build(folder: &str) -> Vec<Value> {
    let folder = format!("deploy/kubernetes/{folder}");
    let built = read(&["tests/deployment/manifests.py", &folder]);
    built.as_array().unwrap().clone()
}

/// The one of its kind, by its name where there are several.
pub fn find<'a>(manifests: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |manifest: &&Value| {
        let found = manifest["metadata"]["name"].as_str().unwrap();
        manifest["kind"] == kind && (name.is_empty() || found == name)
    };
    manifests.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn pod_spec(manifests: &[Value]) -> &Value {
    &find(manifests, "Deployment", "")["spec"]["template"]["spec"]
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let all = ["initContainers", "containers"].map(|key| pod[key].as_array());
    all.into_iter().flatten().flatten()
}

fn gateway(pod: &Value) -> &Value {
    containers(pod).find(|container| container["name"] == "gatehouse").unwrap()
}

fn configuration(manifests: &[Value]) -> String {
    let text = &find(manifests, "ConfigMap", "")["data"]["gatehouse.toml"];
    text.as_str().unwrap().to_owned()
}

#[test]
fn kubernetes_takes_the_manifests() {
    for folder in FOLDERS {
        let manifests = manifests(folder);
        for kind in ["Deployment", "Service", "NetworkPolicy", "ConfigMap"] {
            find(manifests, kind, "");
        }
    }
}

#[test]
fn the_gateway_may_do_nothing_but_serve() {
    for folder in FOLDERS {
        let manifests = manifests(folder);
        let pod = pod_spec(manifests);
        assert_eq!(pod["automountServiceAccountToken"], false, "{folder}");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{folder}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{folder}");
        let context = &gateway(pod)["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false, "{folder}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{folder}");
        assert_eq!(context["capabilities"]["drop"][0], "ALL", "{folder}");
        for volume in pod["volumes"].as_array().unwrap() {
            let mode = &volume["secret"]["defaultMode"];
            // The gateway refuses secrets that everybody may read.
            assert!(volume["secret"].is_null() || *mode == 0o440, "{folder}: {volume}");
        }
    }
}

#[test]
fn the_configurations_are_good_and_what_they_name_is_mounted() {
    for folder in FOLDERS {
        let manifests = manifests(folder);
        let text = configuration(manifests);
        Config::parse(&text).unwrap_or_else(|problems| panic!("{folder}: {problems}"));
        let pod = pod_spec(manifests);
        let mounts = gateway(pod)["volumeMounts"].as_array().unwrap();
        for mount in mounts {
            assert!(mount["subPath"].is_null(), "{folder}: {mount} would not follow its Secret");
        }
        let mut paths: Vec<_> = mounts.iter().map(|it| it["mountPath"].as_str().unwrap()).collect();
        paths.retain(|path| *path != "/etc/gatehouse");
        let files = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let files = files.flat_map(|line| line.split('"')).filter_map(|word| {
            let word = word.strip_prefix("sqlite://").unwrap_or(word);
            word.starts_with('/').then_some(word)
        });
        for file in files {
            let is_there = paths.iter().any(|path| file.starts_with(&format!("{path}/")));
            assert!(is_there, "{folder}: {file} is below no volume");
        }
    }
}

#[test]
fn a_stop_fits_into_the_time_that_kubernetes_gives() {
    for folder in FOLDERS {
        let manifests = manifests(folder);
        let pod = pod_spec(manifests);
        let config = Config::parse(&configuration(manifests)).unwrap();
        let pauses =
            containers(pod).map(|it| it["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64());
        let pause = pauses.flatten().max().unwrap();
        let most = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        assert!(pause >= 5, "{folder}: load balancers need a while");
        assert!(
            pause + config.server.drain_seconds + config.server.shutdown_grace_seconds + 10 <= most,
            "{folder}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_ask_what_the_gateway_answers() {
    let running = Plan::new().with("[passwords]\nsign_in = \"everybody\"\n").start().await;
    for folder in FOLDERS {
        let manifests = manifests(folder);
        for name in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let probe = &gateway(pod_spec(manifests))[name];
            if let Some(path) = probe["httpGet"]["path"].as_str() {
                assert_eq!(probe["httpGet"]["port"], "internal", "{folder}");
                let address = running.plan.internal() + path;
                assert_eq!(
                    running.browser().ask(&address, &[]).await.status,
                    200,
                    "{folder} {path}"
                );
            } else {
                let command: Vec<_> = probe["exec"]["command"].as_array().unwrap().iter().collect();
                assert_eq!(command[0], "/usr/bin/gatehouse", "{folder}");
                let arguments: Vec<_> =
                    command[1..].iter().map(|it| it.as_str().unwrap()).collect();
                assert!(running.command(&arguments).await.status.success(), "{folder} {probe}");
            }
        }
    }
}

#[test]
fn the_sidecar_begins_before_the_application_and_has_the_one_open_port() {
    let manifests = manifests("sidecar");
    let pod = pod_spec(manifests);
    let sidecar = &pod["initContainers"][0];
    assert_eq!(sidecar["name"], "gatehouse");
    assert_eq!(sidecar["restartPolicy"], "Always");
    let ports: Vec<_> = containers(pod).filter_map(|it| it["ports"].as_array()).flatten().collect();
    assert_eq!(ports.len(), 1, "{ports:?}");
    let service = &find(manifests, "Service", "")["spec"]["ports"];
    assert_eq!((&service[0]["targetPort"], &service[1]), (&ports[0]["name"], &Value::Null));
    let open = &find(manifests, "NetworkPolicy", "")["spec"]["ingress"];
    assert_eq!(
        (&open[0]["ports"][0]["port"], &open[1]),
        (&ports[0]["containerPort"], &Value::Null)
    );
    let config = Config::parse(&configuration(manifests)).unwrap();
    assert!(config.server.internal_listen.ip().is_loopback());
    let mut addresses = config.apps[0].addresses();
    assert!(addresses.all(|address| address.as_str().starts_with("http://127.0.0.1:")));
}

#[test]
fn applications_can_be_reached_from_the_gateway_only() {
    let manifests = manifests("standalone");
    let policy = &find(manifests, "NetworkPolicy", "behind-gatehouse")["spec"];
    assert_eq!(policy["podSelector"]["matchLabels"]["behind"], "gatehouse");
    let [rule] = policy["ingress"].as_array().unwrap().as_slice() else { panic!("{policy}") };
    let [from] = rule["from"].as_array().unwrap().as_slice() else { panic!("{policy}") };
    let labels = &find(manifests, "Deployment", "")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&from["podSelector"]["matchLabels"], labels);
}

#[test]
fn secrets_are_in_no_file_of_the_project() {
    for folder in FOLDERS {
        assert!(manifests(folder).iter().all(|manifest| manifest["kind"] != "Secret"), "{folder}");
        let kustomization = format!("deploy/kubernetes/{folder}/kustomization.yaml");
        assert!(!fs::read_to_string(kustomization).unwrap().contains("secretGenerator"));
    }
}
