"""The stages: which stacks there are, and which of them wait for which."""

from constructs import Construct

from infra.contracts_adapter import Deployment
from infra.shards import read_ledger
from infra.stacks.catalog import add_catalog
from infra.stacks.delivery import DeliveryStack
from infra.stacks.governance import GovernanceStack
from infra.stacks.grants import add_grants
from infra.stacks.ingest import IngestStack
from infra.stacks.ml import MlStack
from infra.stacks.network import NetworkStack
from infra.stacks.operations import OperationsStack
from infra.stacks.orchestration import OrchestrationStack
from infra.stacks.processing import ProcessingStack
from infra.stacks.reception import ReceptionStack
from infra.stacks.sharing import SharingStack
from infra.stacks.storage import StorageStack
from infra.stacks.workplace import WorkplaceStack


class LakeStage(Construct):
    """All stacks of one deployment.

    It is no `cdk.Stage`: stacks in one lie in an assembly of their own, which the command line passes over
    unless they are named. `cdk deploy --all` found nothing to deploy, and `cdk diff` never a difference.
    """

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """The stage is called after the environment."""
        super().__init__(scope, deployment.environment.name)
        self.storage = StorageStack(self, deployment)
        self.governance = GovernanceStack(self, deployment)
        self.governance.add_stack_dependency(self.storage)
        self.catalog, self.tables = add_catalog(self, deployment, read_ledger())
        self.catalog.add_stack_dependency(self.governance)
        self.grants, self.table_grants = add_grants(self, deployment, read_ledger())
        self.network = NetworkStack(self, deployment)
        self.workplace = WorkplaceStack(self, deployment)
        self.workplace.add_stack_dependency(self.network)
        self.processing = ProcessingStack(self, deployment)
        self.orchestration = OrchestrationStack(self, deployment)
        self.orchestration.add_stack_dependency(self.processing)
        self.orchestration.add_stack_dependency(self.workplace)
        self.ingest = IngestStack(self, deployment)
        self.ingest.add_stack_dependency(self.storage)
        self.ingest.add_stack_dependency(self.workplace)
        self.ingest.add_stack_dependency(self.governance)
        self.reception = ReceptionStack(self, deployment)
        self.reception.add_stack_dependency(self.ingest)
        self.operations = OperationsStack(self, deployment)
        self.operations.add_stack_dependency(self.storage)
        self.delivery = DeliveryStack(
            self, deployment, repository=str(self.node.try_get_context("repository"))
        )
        for needed in (self.storage, self.network):
            self.processing.add_stack_dependency(needed)
        for granted in (self.orchestration, self.ingest, self.reception, *self.tables):
            self.grants.add_stack_dependency(granted)
        # Lake Formation takes one change after the other, from stack to stack as well.
        self.ml = MlStack(self, deployment)
        self.ml.add_stack_dependency(self.network)
        self.ml.add_stack_dependency(self.table_grants[-1])
        if deployment.environment.sharing:
            self.sharing = SharingStack(self, deployment)
            self.sharing.add_stack_dependency(self.ml)
