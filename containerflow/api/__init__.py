"""What users import: Flow, and how it is started and stopped."""

from containerflow.api.flow import Flow

__all__ = ["Flow"]
