"""Images and the lake's folder are there before anything runs, and only the lake's own roles reach them."""

import pytest

from infra.constructs.private_services import USER


@pytest.fixture(scope="module")
def workplace(template):
    return template("workplace")


def properties(template, kind):
    return [each["Properties"] for each in template.find_resources(kind).values()]


def test_images_are_scanned_encrypted_and_never_replaced(workplace, deployment):
    """Each part's repository scans what is pushed, has a customer key, and its tags never move."""
    repositories = properties(workplace, "AWS::ECR::Repository")
    assert {each["RepositoryName"] for each in repositories} == {
        deployment.names.of("ingest"),
        deployment.names.of("orchestration"),
    }
    for each in repositories:
        assert each["ImageScanningConfiguration"]["ScanOnPush"] is True
        assert each["ImageTagMutability"] == "IMMUTABLE"
        assert each["EncryptionConfiguration"]["EncryptionType"] == "KMS"


def test_functions_of_this_lake_alone_pull_images(workplace, deployment):
    """Lambda pulls for functions whose names begin as this deployment's do, and only pulls."""
    (told,) = [
        each for each in properties(workplace, "AWS::ECR::Repository") if "RepositoryPolicyText" in each
    ]
    (statement,) = told["RepositoryPolicyText"]["Statement"]
    assert set(statement["Action"]) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    assert f":{deployment.names.account}:function:{deployment.names.prefix}-" in source


def test_there_is_a_key_to_guard_the_lakes_keys(workplace, deployment):
    """It rotates, stays when the stack goes, and has an alias that an environment can name."""
    aliases = {
        each["AliasName"]: each["TargetKeyId"]["Fn::GetAtt"][0]
        for each in properties(workplace, "AWS::KMS::Alias")
    }
    key = workplace.find_resources("AWS::KMS::Key")[aliases[f"alias/{deployment.names.prefix}/packs"]]
    assert key["DeletionPolicy"] == "Retain"
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["Properties"]["PendingWindowInDays"] == 30


def test_the_folder_is_encrypted_backed_up_and_kept(workplace):
    """The lake's folder has a customer key and daily backups, and stays when its stack goes."""
    (folder,) = workplace.find_resources("AWS::EFS::FileSystem").values()
    assert folder["DeletionPolicy"] == "Retain"
    assert folder["Properties"]["Encrypted"] is True
    assert "KmsKeyId" in folder["Properties"]
    assert folder["Properties"]["BackupPolicy"] == {"Status": "ENABLED"}


def test_nobody_mounts_the_folder_without_tls_or_as_root(workplace):
    """The file system refuses plain connections, and lets nobody in as root."""
    (folder,) = properties(workplace, "AWS::EFS::FileSystem")
    statements = folder["FileSystemPolicy"]["Statement"]
    (denied,) = [each for each in statements if each["Effect"] == "Deny"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    allowed = [action for each in statements if each["Effect"] == "Allow" for action in each["Action"]]
    assert "elasticfilesystem:ClientRootAccess" not in allowed


def test_who_comes_through_the_access_point_is_the_user_of_the_containers(workplace):
    """Files belong to the user that containers run as, and the folder is closed to others."""
    (point,) = properties(workplace, "AWS::EFS::AccessPoint")
    assert f"{point['PosixUser']['Uid']}:{point['PosixUser']['Gid']}" == USER
    assert point["RootDirectory"]["CreationInfo"]["Permissions"] == "0700"


def test_only_what_computes_reaches_the_folder(workplace):
    """The folder's door opens to the group of workers, on the one port of NFS."""
    rules = properties(workplace, "AWS::EC2::SecurityGroup")
    (rule,) = [rule for each in rules for rule in each.get("SecurityGroupIngress", ())]
    assert rule["FromPort"] == rule["ToPort"] == 2049
    assert "SourceSecurityGroupId" in rule
    assert "CidrIp" not in rule
