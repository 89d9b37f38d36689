"""The components, and the commands that run one of them alone.

Neighbours: cli.component makes a command from a config; cli.topology has `dromon up` run them all.
"""

from __future__ import annotations

from dromon.cli.component import ComponentType, command

APISERVER = ComponentType("apiserver", "dromon.apiserver.config:ApiServerConfig", "dromon.apiserver.main:run")
SCHEDULER = ComponentType("scheduler", "dromon.scheduler.config:SchedulerConfig", "dromon.scheduler.main:run")
CONTROLLER_MANAGER = ComponentType(
    "controller-manager", "dromon.controllers.config:ControllerManagerConfig", "dromon.controllers.main:run"
)
KUBELET = ComponentType("kubelet", "dromon.kubelet.config:KubeletConfig", "dromon.kubelet.main:run")
PROXY = ComponentType("proxy", "dromon.proxy.config:ProxyConfig", "dromon.proxy.main:run")
HOLLOW = ComponentType("hollow", "dromon.kubelet.hollow_config:HollowConfig", "dromon.kubelet.hollow:run")

apiserver = command(
    APISERVER,
    help="Serve the API over HTTPS, from a store.",
    examples="""
dromon apiserver --store memory:// --cert-file s.crt --key-file s.key --client-ca-file ca.crt
dromon apiserver --store sqlite:///var/lib/dromon/db.sqlite --bind 0.0.0.0 ...
""",
)
scheduler = command(
    SCHEDULER,
    help="Choose a node for every pod that has none.",
    examples="""
dromon scheduler --kubeconfig scheduler.kubeconfig
""",
)
controller_manager = command(
    CONTROLLER_MANAGER,
    help="Run the control loops: replication, endpoints, nodes, namespaces, garbage collection, ...",
    examples="""
dromon controller-manager --kubeconfig cm.kubeconfig --root-ca-file ca.crt
dromon controller-manager --kubeconfig cm.kubeconfig --controllers '*,-nodelifecycle'
""",
)
kubelet = command(
    KUBELET,
    help="Run the pods of one node, and report on them.",
    examples="""
dromon kubelet --kubeconfig kubelet.kubeconfig --node-name $(hostname) --root-dir /var/lib/dromon/node
""",
)
proxy = command(
    PROXY,
    help="Keep the portals of all services in this machine's iptables.",
    examples="""
dromon proxy --kubeconfig proxy.kubeconfig --node-name $(hostname) --state-dir /var/lib/dromon/node
""",
)
hollow = command(
    HOLLOW,
    help="Simulate nodes: the API traffic of real ones, without containers.",
    examples="""
dromon hollow --kubeconfig kubelet.kubeconfig --nodes 1000
dromon hollow --kubeconfig kubelet.kubeconfig --start-seconds exponential:2 --crash-share 0.01 --seed 7
""",
)
