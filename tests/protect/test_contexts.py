"""The contexts of what is sealed."""

from a360.protect import path_context, quarantine_context


def test_rows_have_their_own_context():
    """The contexts of two rows differ wherever the rows do."""
    contexts = {
        quarantine_context("quarantine.fhir_resource", "c", "file", 1),
        quarantine_context("quarantine.fhir_resource", "c", "file", 2),
        quarantine_context("quarantine.fhir_resource", "c", "other", 1),
        quarantine_context("quarantine.fhir_resource", "d", "file", 1),
        quarantine_context("quarantine.patient", "c", "file", 1),
        path_context("c", "digest"),
        path_context("d", "digest"),
    }
    assert len(contexts) == 7
