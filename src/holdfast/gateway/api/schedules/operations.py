"""The table of the operations on schedules."""

from __future__ import annotations

from holdfast.contract.schedules import RunPage
from holdfast.gateway.api import request_bodies as bodies
from holdfast.gateway.api.operation_kinds import EXTENSION_PATH, OF_EXTENSION, change_operation, read_operation
from holdfast.gateway.api.schedules import requests
from holdfast.gateway.api.schemas import EXTENSION, RUN, RUN_CURSOR, RUN_LIMIT, SCHEDULE
from holdfast.gateway.services import Services
from holdfast.http.operations import Body, Operation, Parameter

_PATH = f"{EXTENSION_PATH}/schedules"
OPERATIONS: tuple[Operation[Services], ...] = (
    read_operation(
        "/api/v1/schedules",
        requests.show_all_schedules,
        "List the schedules of an install, or of all enabled installs.",
        requests.SchedulesByInstall,
        Parameter(
            "extension",
            "query",
            {"type": "string", "minLength": 1, "maxLength": 512},
            "Only this extension: its id or name.",
            required=False,
        ),
        errors=OF_EXTENSION,
    ),
    read_operation(_PATH, requests.show_schedules, "List the schedules of an install.", requests.Schedules, EXTENSION, errors=(404, 409)),
    change_operation(
        "POST",
        _PATH,
        requests.add_schedule,
        "Create a schedule.",
        requests.OneSchedule,
        EXTENSION,
        body=Body(bodies.CreateScheduleRequest),
        status=201,
        errors=OF_EXTENSION,
    ),
    read_operation(
        f"{_PATH}/{{schedule}}",
        requests.show_schedule,
        "Show a schedule.",
        requests.OneSchedule,
        EXTENSION,
        SCHEDULE,
        errors=OF_EXTENSION,
    ),
    change_operation(
        "PATCH",
        f"{_PATH}/{{schedule}}",
        requests.change_schedule,
        "Change a schedule.",
        requests.OneSchedule,
        EXTENSION,
        SCHEDULE,
        body=Body(bodies.ChangeScheduleRequest),
        errors=OF_EXTENSION,
    ),
    change_operation(
        "DELETE",
        f"{_PATH}/{{schedule}}",
        requests.delete_schedule,
        "Delete a schedule; its history stays.",
        requests.DeletedSchedule,
        EXTENSION,
        SCHEDULE,
        errors=OF_EXTENSION,
    ),
    change_operation(
        "POST",
        f"{_PATH}/{{schedule}}/run-now",
        requests.run_schedule,
        "Run a schedule now, even a disabled one: a scheduler starts the run.",
        requests.OneRun,
        EXTENSION,
        SCHEDULE,
        status=202,
        errors=(*OF_EXTENSION, 429),
    ),
    read_operation(
        f"{_PATH}/{{schedule}}/runs",
        requests.show_runs_of_schedule,
        "List the runs of a schedule, the newest first.",
        RunPage,
        EXTENSION,
        SCHEDULE,
        RUN_LIMIT,
        RUN_CURSOR,
        errors=OF_EXTENSION,
    ),
    read_operation(
        f"{EXTENSION_PATH}/schedule-runs",
        requests.show_runs,
        "List the runs of all schedules of an install, the newest first.",
        RunPage,
        EXTENSION,
        RUN_LIMIT,
        RUN_CURSOR,
        errors=OF_EXTENSION,
    ),
    read_operation(
        f"{EXTENSION_PATH}/schedule-runs/{{run}}", requests.show_run, "Show a run.", requests.OneRun, EXTENSION, RUN, errors=OF_EXTENSION
    ),
    read_operation(
        f"{EXTENSION_PATH}/endpoints",
        requests.show_endpoints,
        "List the endpoints of the installed version, and which of them schedules may call.",
        requests.Endpoints,
        EXTENSION,
        errors=OF_EXTENSION,
    ),
)
