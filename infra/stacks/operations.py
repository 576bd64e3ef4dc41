"""What is watched and kept: the record of calls, alarms, findings of security, backups, cost."""

import aws_cdk as cdk
from aws_cdk import aws_backup as backup
from aws_cdk import aws_guardduty as guardduty
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_macie as macie
from aws_cdk import aws_securityhub as securityhub
from constructs import Construct

from infra.constructs.recorder import Recorder
from infra.constructs.watch import Watch
from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack

_BUDGET_USD = 2_000
_BACKUP_DAYS = 35
_LEAST_BACKUP_DAYS = 14
_CHANGEABLE_DAYS = 3  # in which the lock of the vault can still be taken off; then nobody can
_STANDARDS = ("nist-800-53/v/5.0.0", "aws-foundational-security-best-practices/v/1.0.0")
_BACKED_UP = ("silver", "gold", "bronze")


class OperationsStack(LakeStack):
    """Account-wide services are in it: one deployment an account."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment."""
        super().__init__(scope, "operations", deployment)
        self.recorder = Recorder(
            self, self.names, zones=deployment.zones, audit_key=self.published("keys", "audit")
        )
        self.watch = Watch(
            self,
            self.names,
            records=[each.name for each in deployment.streams],
            emails=deployment.environment.alerts.emails,
            budget_usd=_BUDGET_USD,
        )
        self.publish(self.watch.topic.topic_arn, "alerts", "topic")
        self._findings()
        self._backups()

    def _findings(self) -> None:
        """Security Hub gathers what GuardDuty, Macie and its own standards find."""
        hub = securityhub.CfnHub(self, "security-hub", enable_default_standards=False)
        for standard in _STANDARDS:
            enabled = securityhub.CfnStandard(
                self,
                f"standard-{standard.split('/')[0]}",
                standards_arn=f"arn:aws:securityhub:{self.names.region}::standards/{standard}",
            )
            enabled.add_dependency(hub)
        guardduty.CfnDetector(
            self,
            "guardduty",
            enable=True,
            finding_publishing_frequency="FIFTEEN_MINUTES",
            features=[
                guardduty.CfnDetector.CFNFeatureConfigurationProperty(name=feature, status="ENABLED")
                for feature in ("S3_DATA_EVENTS", "LAMBDA_NETWORK_LOGS", "RDS_LOGIN_EVENTS")
            ],
        )
        macie.CfnSession(self, "macie", status="ENABLED", finding_publishing_frequency="FIFTEEN_MINUTES")

    def _backups(self) -> None:
        """Daily copies in a locked vault; once a week one of them is restored, to see that it can be."""
        key = kms.Key(
            self,
            "backup-key",
            alias=self.names.key_alias("backup"),
            description=f"{self.names.prefix}: backups",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        vault = backup.CfnBackupVault(
            self,
            "vault",
            backup_vault_name=self.names.of("backups"),
            encryption_key_arn=key.key_arn,
            lock_configuration=backup.CfnBackupVault.LockConfigurationTypeProperty(
                min_retention_days=_LEAST_BACKUP_DAYS,
                max_retention_days=_BACKUP_DAYS,
                changeable_for_days=_CHANGEABLE_DAYS,
            ),
        )
        vault.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        role = self._backup_role()
        plan = backup.CfnBackupPlan(
            self,
            "plan",
            backup_plan=backup.CfnBackupPlan.BackupPlanResourceTypeProperty(
                backup_plan_name=self.names.of("daily"),
                backup_plan_rule=[
                    backup.CfnBackupPlan.BackupRuleResourceTypeProperty(
                        rule_name="daily",
                        target_backup_vault=vault.ref,
                        schedule_expression="cron(0 3 ? * * *)",
                        lifecycle=backup.CfnBackupPlan.LifecycleResourceTypeProperty(
                            delete_after_days=_BACKUP_DAYS
                        ),
                    )
                ],
            ),
        )
        buckets = [self.names.bucket_arn(zone) for zone in _BACKED_UP]
        backup.CfnBackupSelection(
            self,
            "backed-up",
            backup_plan_id=plan.ref,
            backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
                selection_name="zones", iam_role_arn=role.role_arn, resources=buckets
            ),
        )
        self._restore_tests(vault, role)

    def _backup_role(self) -> iam.Role:
        managed = iam.ManagedPolicy.from_aws_managed_policy_name
        return iam.Role(
            self,
            "backup-role",
            role_name=self.names.role("backup"),
            assumed_by=iam.ServicePrincipal("backup.amazonaws.com"),
            managed_policies=[
                managed("AWSBackupServiceRolePolicyForS3Backup"),
                managed("AWSBackupServiceRolePolicyForS3Restore"),
            ],
        )

    def _restore_tests(self, vault: backup.CfnBackupVault, role: iam.Role) -> None:
        name = self.names.of("restore").replace("-", "_")
        plan = backup.CfnRestoreTestingPlan(
            self,
            "restore-tests",
            restore_testing_plan_name=name,
            schedule_expression="cron(0 6 ? * SUN *)",
            recovery_point_selection=(
                backup.CfnRestoreTestingPlan.RestoreTestingRecoveryPointSelectionProperty(
                    algorithm="RANDOM_WITHIN_WINDOW",
                    include_vaults=[vault.attr_backup_vault_arn],
                    recovery_point_types=["SNAPSHOT"],
                    selection_window_days=_LEAST_BACKUP_DAYS,
                )
            ),
        )
        selection = backup.CfnRestoreTestingSelection(
            self,
            "restored",
            restore_testing_plan_name=name,
            restore_testing_selection_name="zones",
            protected_resource_type="S3",
            protected_resource_arns=[self.names.bucket_arn(_BACKED_UP[0])],
            iam_role_arn=role.role_arn,
        )
        selection.add_dependency(plan)
